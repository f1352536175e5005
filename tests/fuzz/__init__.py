"""The fuzz of the XML reader: mutated MEDLINE files, judged by a parser that is not ours."""
