"""What the sample corpus is made from: invented text forms (``*.toml``) and the code that fills them in."""
