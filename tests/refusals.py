"""What is said of calls that do not compile."""

import pytest
from numba import njit
from numba.core.errors import TypingError


def refusal(function, *arguments):
    """What our own code says of a call that does not compile. Numba's message holds the lines of this file too."""
    with pytest.raises(TypingError) as error:
        njit(function)(*arguments)
    told = [line.strip() for line in str(error.value).splitlines()]
    return {line.removeprefix("TypingError: ") for line in told if line.startswith("TypingError: ")}
