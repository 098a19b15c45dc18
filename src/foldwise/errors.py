"""The base class of errors that are told to the user, not to the developer."""


class UserError(ValueError):
    """Something in the input, the parameters or the surroundings is not as it has to be.

    Its message stands by itself: which file, row or parameter, what was found, what is allowed.
    """
