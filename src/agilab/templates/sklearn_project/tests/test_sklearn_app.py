"""The functions as they are, against scikit-learn's own cross-validation."""

import hashlib
import json
from pathlib import Path

import joblib
import pytest
import sklearn_app
from sklearn.model_selection import StratifiedKFold, cross_val_score

from agi_node import RunContext

ARGS = sklearn_app.SklearnArgs(strengths=(0.1, 1.0), folds=3)


def whole(folder: Path) -> sklearn_app.Scores:
    """A run of the plain functions, one fold after the other."""
    return sklearn_app.Scores.merge_all(
        sklearn_app.cross_validate(item.payload, ARGS, RunContext.local(folder / item.key))
        for item in sklearn_app.candidates(ARGS)
    )


def test_pooled_scores_are_those_of_scikit_learn_and_the_model_is_kept(tmp_path: Path) -> None:
    scores = whole(tmp_path / "folds")
    x, unseen, y, truth = sklearn_app.split(ARGS)
    folds = StratifiedKFold(3, shuffle=True, random_state=ARGS.seed)
    sizes = [len(held_out) for _, held_out in folds.split(x, y)]
    for strength, accuracy in sklearn_app.pooled(scores).items():
        theirs = cross_val_score(sklearn_app.model(strength), x, y, cv=folds)
        assert accuracy == pytest.approx(sum(map(float.__mul__, theirs, map(float, sizes))) / len(y))

    run = RunContext.local(tmp_path / "publish", node="publish")
    card = sklearn_app.keep_the_best(scores, ARGS, run)
    assert all(one["passed"] for one in run.validations)
    data = run.saved["model.joblib"].read_bytes()
    assert card["model"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert json.loads(run.saved["model_card"].read_text()) == card
    assert run.models == {"breast_cancer": run.saved["model.joblib"]}
    kept = joblib.load(run.saved["model.joblib"])
    assert kept.score(unseen, truth) == pytest.approx(card["unseen"]["accuracy"])


def test_a_model_that_is_not_good_enough_is_kept_and_not_registered(tmp_path: Path) -> None:
    strict = ARGS.model_copy(update={"least_accuracy": 1.0})
    run = RunContext.local(tmp_path / "publish", node="publish")
    sklearn_app.keep_the_best(whole(tmp_path / "folds"), strict, run)
    assert [one["name"] for one in run.validations if not one["passed"]] == ["good enough"]
    assert "model.joblib" in run.saved
    assert run.models == {}


def test_training_and_unseen_data_share_no_row() -> None:
    x, unseen, *_ = sklearn_app.split(ARGS)
    assert len(x) + len(unseen) == 569
    assert not set(map(bytes, x)) & set(map(bytes, unseen))


def test_of_equal_candidates_the_strongest_penalty_wins() -> None:
    assert sklearn_app.choose({1.0: 0.9, 0.1: 0.9, 0.01: 0.8}) == 0.1


def test_a_strength_that_is_none_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(ValueError, match=r"strengths holds -1.0"):
        list(sklearn_app.candidates(sklearn_app.SklearnArgs(strengths=(-1.0,))))
