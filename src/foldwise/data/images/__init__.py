"""Image files to pixels, by the thousand.

Nothing here imports pandas or pydantic: the decoding processes start in a quarter of a second.
"""
