"""The live view of an output in other people's formats, one file per format."""
