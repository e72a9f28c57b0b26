"""Which classifier is good enough? Cross-validation in parallel, the best one registered if it passes its gate.

A candidate and a fold are a work item. The choice follows from whole counts pooled over all folds; the chosen one is
trained on all training data, judged once on data that nothing has seen, kept as an artifact with a card, and registered
as a model where that judgement was good enough.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import joblib
import numpy as np
import sklearn
from numpy.typing import NDArray
from pydantic import Field
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from agi_node import App, Args, Concat, Partial, RunContext, Sum, WorkItem
from agi_node.canonical import sha256_file

Floats: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.int64]


class SklearnArgs(Args):
    """Which candidates, and how they are judged."""

    strengths: tuple[float, ...] = Field(
        (0.001, 0.01, 0.1, 1.0, 10.0), min_length=1, description="Candidates: C of the logistic regression."
    )
    folds: int = Field(5, ge=2, le=20, description="Parts of the training data, each left out once.")
    test_share: float = Field(
        0.25, ge=0.1, le=0.5, description="Of the data, seen by nothing but the last judgement."
    )
    least_accuracy: float = Field(0.95, ge=0, le=1, description="What the kept model must reach on it.")
    model_name: str = Field(
        "breast_cancer",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,119}$",
        description="Its name in the registry.",
    )
    seed: int = Field(1, ge=0, lt=2**32, description="Seed of both splits.")


class Scores(Partial):
    """What every fold returns; each field says how two of them merge."""

    judged: Sum[int] = 0
    folds: Concat[tuple[float, int, int, int]] = ()  # (candidate, fold, right, judged)


app = App("sklearn_app", args=SklearnArgs, partial=Scores)


@app.plan
def candidates(args: SklearnArgs) -> Iterator[WorkItem]:
    """One item for each candidate and fold; a weaker penalty takes longer to fit."""
    for rank, strength in enumerate(sorted(set(args.strengths))):
        model(strength)
        for fold in range(args.folds):
            yield WorkItem(f"C={strength!r},fold={fold}", {"C": strength, "fold": fold}, cost=1 + rank)


@app.work
def cross_validate(item: dict[str, Any], args: SklearnArgs, run: RunContext) -> Scores:
    """One candidate, trained without one fold and judged on it."""
    x, _, y, _ = split(args)
    folds = StratifiedKFold(args.folds, shuffle=True, random_state=args.seed).split(x, y)
    train, held_out = list(folds)[item["fold"]]
    right = int((model(item["C"]).fit(x[train], y[train]).predict(x[held_out]) == y[held_out]).sum())
    run.log_metric("accuracy", right / len(held_out))
    return Scores(judged=len(held_out), folds=((item["C"], item["fold"], right, len(held_out)),))


@app.publish
def keep_the_best(scores: Scores, args: SklearnArgs, run: RunContext) -> dict[str, Any]:
    """Train the best candidate on all training data, judge it once, keep it with a card; register it if it is good."""
    x, unseen, y, truth = split(args)
    accuracies = pooled(scores)
    best = choose(accuracies)
    fitted = model(best).fit(x, y)
    probability = fitted.predict_proba(unseen)[:, 1]
    said = fitted.predict(unseen)
    accuracy, baseline = float((said == truth).mean()), float(max(truth.mean(), 1 - truth.mean()))
    auc = float(roc_auc_score(truth, probability))
    run.log_metrics({"accuracy": accuracy, "auc": auc, "baseline_accuracy": baseline})
    every = len(accuracies) * len(y)
    run.validate("every row judged once by each", scores.judged == every, value=scores.judged, limit=every)
    better, good = accuracy > baseline, accuracy >= args.least_accuracy
    run.validate("better than the majority", better, value=accuracy, limit=baseline)
    run.validate("good enough", good, value=accuracy, limit=args.least_accuracy)

    path = run.folder / "model.joblib"
    joblib.dump(fitted, path)
    same = bool((joblib.load(path).predict(unseen) == said).all())
    run.validate("loads again and says the same", same)
    run.log_artifact(path)
    if better and good and same:
        told = f"C={best!r}; {accuracy:.1%} of {len(truth)} unseen rows are right"
        run.register_model(args.model_name, path.name, description=told, tags={"accuracy": repr(accuracy)})
    data = load_breast_cancer()
    card = {
        "model": {
            "file": path.name,
            "sha256": sha256_file(path),
            "kind": "StandardScaler, LogisticRegression",
            "C": best,
        },
        "needs": {"scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "inputs": [str(name) for name in data.feature_names],
        "classes": [str(name) for name in data.target_names],
        "cross_validated_accuracy": {repr(strength): value for strength, value in accuracies.items()},
        "unseen": {"rows": len(truth), "accuracy": accuracy, "auc": auc, "baseline_accuracy": baseline},
    }
    run.save_json("model_card", card)
    return card


def split(args: SklearnArgs) -> tuple[Floats, Floats, Labels, Labels]:
    """(training inputs, unseen inputs, training labels, unseen labels), the same in every process."""
    data = load_breast_cancer()
    x, unseen, y, truth = train_test_split(
        data.data, data.target, test_size=args.test_share, stratify=data.target, random_state=args.seed
    )
    return x, unseen, y, truth


def model(strength: float) -> Pipeline:
    """The candidate with this C, not yet trained."""
    if not 0 < strength < float("inf"):
        raise ValueError(f"strengths holds {strength}; C is a number above 0")
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))


def pooled(scores: Scores) -> dict[float, float]:
    """The accuracy of each candidate over all its folds: right / judged, not a mean of means."""
    return {
        c: sum(right for other, _, right, _ in scores.folds if other == c)
        / sum(judged for other, _, _, judged in scores.folds if other == c)
        for c in sorted({c for c, *_ in scores.folds})
    }


def choose(accuracies: dict[float, float]) -> float:
    """The most accurate candidate; of equals the one with the strongest penalty."""
    return min(accuracies, key=lambda c: (-accuracies[c], c))
