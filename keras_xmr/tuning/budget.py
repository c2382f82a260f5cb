"""`Budget`: how many trials, and how long."""

import math
import re
from dataclasses import dataclass, replace

TIME = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)")
SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Budget:
    """How many trials, and how long; at least one of the two is bounded.

    Attributes:
        trials: The number of trials.
        seconds: The time.
    """

    trials: float = math.inf
    seconds: float = math.inf

    @classmethod
    def of(cls, text: "str | int | Budget") -> "Budget":
        """What is written as a number of trials, a time, or both.

        Raises:
            ValueError: If it is none of these.

        Example:
            >>> Budget.of("20,5m")
            Budget(trials=20, seconds=300.0)
        """
        if isinstance(text, cls):
            return text
        budget = cls()
        for bound in str(text).split(","):
            found = TIME.fullmatch(bound)
            if bound.isdigit() and int(bound):
                budget = replace(budget, trials=int(bound))
            elif found:
                budget = replace(budget, seconds=float(found[1]) * SECONDS[found[2]])
            else:
                raise ValueError(
                    "A budget is a number of trials, a time such as '90s', '5m' or '1h', or both, "
                    f"as '20,5m'. Received: {text!r}."
                )
        return budget
