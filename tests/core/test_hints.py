"""A name that does not exist is answered with the one that was meant, or with all there are."""

from spampipe.core.hints import closest


def test_a_misspelt_name_is_answered_with_the_closest() -> None:
    assert closest("sead", ["epochs", "seed", "seeds"]) == "did you mean seed?"


def test_a_name_that_resembles_none_is_answered_with_all_in_their_order() -> None:
    assert closest("weights", ["seed", "epochs"]) == "the known ones are seed, epochs"
    assert closest(7, (name for name in ["seed", "epochs"])) == "the known ones are seed, epochs"


def test_of_several_alike_the_closest_is_named() -> None:
    assert closest("train_acuracy", ["train_accuracy", "test_accuracy"]) == "did you mean train_accuracy?"
