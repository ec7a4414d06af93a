import pytest

from bakeoff.artifacts.accuracy import AccuracyRecord
from bakeoff.artifacts.collected import Interval, Row, TargetResult
from bakeoff.artifacts.timing import TimingRecord
from bakeoff.collect.answers import OF_THE_BEST, answers
from bakeoff.collect.warnings.codes import WARNINGS


def _target(backend, latency_ms, *, precision="fp32", speedup=None, ranked=True, reason=None, model="resnet18", **acc):
    speedups = {"eager/fp32": Interval(value=speedup, low=speedup - 0.1, high=speedup + 0.1)} if speedup else {}
    return TargetResult(
        row=Row(
            model=model, backend=backend, precision=precision, batch_size=8, device="cpu", status="ok",
            latency_ms=latency_ms,
        ),
        speedups=speedups,
        ranked=ranked,
        unranked_reason=reason,
        accuracy=AccuracyRecord(target={"study": "s"}, status="ok", passed=ranked, **{"sqnr_db": 118.0, **acc}),
    )  # fmt: skip


def _ratio(above, below, of_many=2, noise=0.05):
    value = above.row.latency_ms / below.row.latency_ms
    return Interval(value=value, low=value * (1 - noise), high=value * (1 + noise))


def _words(targets, baseline="eager/fp32"):
    (answer,) = answers(targets, baseline, _ratio, 0.03)
    return answer, answer.words.replace("\u202f", " ")


def test_the_answer_in_words():
    answer, words = _words([_target("eager", 7.5, speedup=1.0), _target("openvino", 3.1, speedup=2.42)])
    assert answer.best == "openvino/fp32"
    assert answer.ties == []
    assert words == (
        "On this machine resnet18 at batch 8 ships best on openvino fp32: "
        "3.10 ms, 2.42× eager [2.32–2.52], outputs agree to 118 dB."
    )


def test_ties_are_those_that_are_not_surely_slower():
    answer, words = _words([_target("a", 3.0), _target("b", 3.1), _target("c", 3.14), _target("d", 3.5)])
    assert answer.best == "a/fp32"
    assert answer.ties == ["b/fp32", "c/fp32"]
    assert answer.alike == []
    assert [(tie.target, round(tie.slower_at_most, 2)) for tie in answer.not_told_apart] == [
        ("b/fp32", 1.09), ("c/fp32", 1.1)
    ]  # fmt: skip
    assert words.endswith("; not told apart: b fp32 (0 to 8.5 % slower) and c fp32 (0 to 9.9 % slower).")


def test_alike_is_said_only_within_the_margin():
    def ratio(above, below, of_many):
        return _ratio(above, below, noise=0.7 if above.row.backend == "wild" else 0.01)

    (answer,) = answers([_target("a", 3.0), _target("b", 3.03), _target("wild", 6.0)], "eager/fp32", ratio, 0.03)
    assert answer.alike == ["b/fp32"]
    assert answer.ties == ["b/fp32", "wild/fp32"]
    words = answer.words.replace("\u202f", " ")
    assert words.endswith("; alike within 3 %: b fp32; not told apart: wild fp32 (0 to 3.40× slower).")


def test_the_latency_of_the_best_has_its_interval_and_its_digits():
    best = _target("a", 3.0123)
    best.row.latency_ci_low_ms, best.row.latency_ci_high_ms = 2.9, 3.2
    assert "ships best on a fp32: 3.01 ms [2.90–3.20], outputs" in _words([best])[1]


@pytest.mark.parametrize("code", sorted(OF_THE_BEST))
def test_warnings_of_the_best_stand_in_its_sentence(code):
    best, other = _target("a", 3.0), _target("b", 3.5)
    best.row.warnings = [code]
    assert f"; {OF_THE_BEST[code]}." in _words([best, other])[1]
    best.row.warnings, other.row.warnings = [], [code]
    assert OF_THE_BEST[code] not in _words([best, other])[1]


def test_every_remark_is_about_a_warning_that_there_is():
    assert OF_THE_BEST.keys() <= WARNINGS.keys()


def _round(*warnings):
    return TimingRecord(target={"study": "s"}, status="ok", warnings=list(warnings))


@pytest.mark.parametrize(("disturbed", "busy"), [(0, False), (1, False), (2, True), (4, True)])
def test_where_half_of_the_rounds_were_disturbed_no_best_is_named(disturbed, busy):
    targets = [_target("a", 3.0), _target("b", 3.05), _target("slow", 9.0, ranked=False, reason="wrong")]
    rounds = [_round("noisy-machine" if k < disturbed else "bimodal") for k in range(4)]
    targets[0].rounds, targets[1].rounds = rounds[:2], rounds[2:]
    targets[2].rounds = [_round("noisy-machine")] * 9  # not ranked, so it decides nothing
    answer, words = _words(targets)
    assert answer.too_busy is busy
    if busy:
        assert (answer.best, answer.ties, answer.candidates) == (None, [], ["a/fp32", "b/fp32"])
        assert words == (
            "This machine was too busy to name a best for resnet18 at batch 8: something else took time from "
            f"{disturbed} of 4 rounds, also when they were measured again. "
            "It may be a fp32 (3.00 ms), b fp32 (3.05 ms)."
        )
    else:
        assert answer.best == "a/fp32"


@pytest.mark.parametrize(
    ("ends", "other", "named"),
    [
        ((2.8, 3.3), 3.1, True),
        ((2.3, 3.6), 3.1, False),
        ((2.3, 3.6), 30.0, True),
    ],
    ids=["known well", "known badly", "known badly but far ahead"],
)
def test_no_best_is_named_where_the_machine_was_too_unsteady_to_tell_it(ends, other, named):
    """As on an H100 whose host changed speed by itself: 2.1 ms [1.7-2.6], and twenty others 0 to 2.4 times slower."""
    targets = [_target("a", 3.0), _target("b", other)]
    targets[0].row.latency_ci_low_ms, targets[0].row.latency_ci_high_ms = ends
    answer, words = _words(targets)
    assert (answer.best is not None) is named
    assert answer.too_busy is not named
    if not named:
        assert answer.candidates == ["a/fp32", "b/fp32"]
        assert words.startswith(
            "This machine was too unsteady to name a best for resnet18 at batch 8: its speed changed"
        )
        assert "known to ±30 % only. It may be a fp32 (3.0 ms [2.3–3.6]), b fp32" in words


def test_unranked_targets_are_never_best_nor_tied():
    answer, words = _words([_target("wrong", 1.0, ranked=False, reason="outputs differ"), _target("right", 3.0)])
    assert (answer.best, answer.ties) == ("right/fp32", [])
    assert "wrong" not in words


def test_baseline_as_the_best():
    _, words = _words([_target("eager", 3.0, speedup=1.0), _target("slow", 9.0, speedup=0.33)])
    assert "eager fp32: 3.00 ms (the baseline), outputs" in words
    assert "×" not in words


def test_baseline_of_another_precision_is_named_with_it():
    best = _target("openvino", 3.0)
    best.speedups["eager/bf16"] = Interval(value=2.0, low=1.9, high=2.1)
    assert "2.00× eager bf16 [1.90–2.10]" in _words([best], "eager/bf16")[1]


def test_no_baseline_no_ratio():
    assert "×" not in _words([_target("openvino", 3.0)])[1]


def test_identical_outputs():
    assert "outputs bit-identical to the reference" in _words([_target("a", 3.0, sqnr_db=None, identical=True)])[1]


def test_random_weights_make_low_precision_indicative():
    words = _words([_target("a", 3.0, precision="bf16", sqnr_db=35.0, indicative=True)])[1]
    assert "outputs agree to 35 dB (indicative only: random weights that amplify rounding)" in words


def test_nothing_ranked_says_why():
    reasons = ["unsupported operator", "unsupported operator", "needs an NVIDIA GPU", "r3", "r4"]
    targets = [_target(f"b{i}", None, ranked=False, reason=reason) for i, reason in enumerate(reasons)]
    answer, words = _words(targets)
    assert answer.best is None
    assert words == (
        "On this machine nothing could be ranked for resnet18 at batch 8: "
        "b0 fp32 and b1 fp32: unsupported operator; b2 fp32: needs an NVIDIA GPU; b3 fp32: r3; and 1 more."
    )


def test_one_answer_for_each_model_in_their_order():
    found = answers([_target("a", 3.0, model="z"), _target("a", 3.0, model="b")], "eager/fp32", _ratio, 0.03)
    assert [a.model for a in found] == ["z", "b"]
