"""The one kind of error that a user can mend."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one clear sentence: what was expected, what was found, and what to do.
    The command line prints it and exits with code 2; the viewer shows it as a notification.
    """
