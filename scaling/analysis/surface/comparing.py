"""How well each form predicts networks that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling.analysis.surface.forms import Form
from scaling.analysis.surface.observations import Array, Observations
from scaling.analysis.surface.posterior import fit, refusal_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FormError:
    """A form's error in predicting each network from all others.

    Args:
        form: which.
        error: root mean square, in the response's unit; nan where too few networks would be left.
        significant: whether the best form's squared errors are smaller by more than two standard errors.
    """

    form: Form
    error: float
    significant: bool = False

    def document(self) -> dict[str, object]:
        """Return it as plain data."""
        return {
            "form": self.form.value,
            "error": None if math.isnan(self.error) else self.error,
            "significantly_worse": self.significant,
        }


def compare_forms(observations: Observations) -> tuple[FormError, ...]:
    """Return the error of every form, the best first.

    Args:
        observations: trainings; each network in turn is left out and predicted.
    """
    squares = {form: _left_out(observations, form) for form in Form}
    ordered = sorted(squares, key=lambda form: float(np.nan_to_num(squares[form].mean(), nan=math.inf)))
    best = squares[ordered[0]]
    return tuple(_error(form, squares[form], best) for form in ordered)


def preferred(forms: Sequence[FormError]) -> Form:
    """Return the form to answer with: the sum of powers, unless another predicts significantly better.

    A plane is the sum of powers with small exponents, so it is never needed for the answer; the sum of
    powers is what simulated searches have calibrated.
    """
    powers = next(one for one in forms if one.form == Form.POWERS)
    return forms[0].form if powers.significant else Form.POWERS


def _error(form: Form, squares: Array, best: Array) -> FormError:
    apart = squares - best
    error = float(apart.std(ddof=1)) / math.sqrt(len(apart)) if len(apart) > 1 else math.nan
    return FormError(
        form=form,
        error=float(np.sqrt(squares.mean())),
        significant=bool(apart.mean() > 2 * error > 0),
    )


def _left_out(observations: Observations, form: Form) -> Array:
    """Return each network's squared error, predicted from the others; nan where that cannot be."""
    found = []
    for network in np.unique(observations.network):
        rest, own = observations.without(int(network)), observations.network == network
        if refusal_of(rest) is not None:
            found.append(math.nan)
            continue
        expected = fit(rest, form).expected(observations.x[own][:1])[0]
        found.append((float(observations.y[own].mean()) - float(expected)) ** 2)
    return np.array(found)
