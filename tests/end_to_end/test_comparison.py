"""Comparisons and advice through the installed command: trained, killed, resumed, printed, refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import Reluctant, kill, run_here
from databases import contents, count, start, wait_until_running

from search_spaces.claim_cells import USUAL_CLAIMS

SMALL = ("compare", "iris", "--seeds", 2, "--epochs", 2, "--hidden", 8)
LONGER = ("compare", "iris", "--seeds", 3, "--epochs", 4, "--hidden", 8, "--name", "c")


@pytest.fixture(scope="module", autouse=True)
def _few_processes_of_timing() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("study.comparison.layer_timing.PROCESSES", 2)
        yield


@pytest.fixture
def reluctant(tmp_path: Path) -> Reluctant:
    """Runs the command in this process, in a folder of the test's own."""

    def run(*args: object, cwd: Path = tmp_path, check: bool = False) -> subprocess.CompletedProcess[str]:
        return run_here(*args, cwd=cwd, check=check)

    return run


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comparison")
    run_here(*LONGER, "--quiet", cwd=folder, check=True)
    return folder / "reluctant.db"


def test_it_gives_a_verdict_and_an_interval_for_each_claim(reluctant: Reluctant, undisturbed: Path) -> None:
    result = reluctant("compare", "--name", "c", "--format", "json", "--quiet", cwd=undisturbed.parent, check=True)
    printed = json.loads(result.stdout)
    claims = printed["claims"]
    assert [claim["id"] for claim in claims] == [*USUAL_CLAIMS]
    for claim in claims:
        assert {"statement", "estimate", "interval", "unit", "rope", "verdict", "change"} <= claim.keys()
        low, high = claim["interval"]
        least, most = claim["rope"]
        assert low <= claim["estimate"] <= high
        inside, beyond = least <= low and high <= most, low >= most or high <= least
        assert (claim["verdict"] == "no practical difference") == inside
        assert (claim["verdict"] in ("supported", "refuted")) == beyond
        assert (claim["verdict"] != "undecided") == (claim["p"] <= 0.05)
        assert low <= claim["plain_interval"][0] <= claim["estimate"] <= claim["plain_interval"][1] <= high
    (study,) = printed["studies"]
    assert (study["seeds"], study["streams"], study["variance"]) == (3, 3, "measured")
    assert len(study["learning_rates"]) == 9
    assert 0 <= study["chosen_at_lowest_rate"] + study["chosen_at_highest_rate"] <= 1
    assert printed["together"] is None
    table = reluctant("compare", "--name", "c", "--quiet", cwd=undisturbed.parent, check=True).stdout
    assert table.count("would change it: ") == len(USUAL_CLAIMS)
    csv = reluctant("compare", "--name", "c", "--format", "csv", "--quiet", cwd=undisturbed.parent, check=True).stdout
    assert len(csv.splitlines()) == 1 + len(USUAL_CLAIMS)


def test_the_conservative_variance_widens_the_intervals_of_the_same_estimates(
    reluctant: Reluctant, undisturbed: Path
) -> None:
    def claims(*options: object) -> list[dict[str, Any]]:
        arguments = ("compare", "--name", "c", *options, "--format", "json", "--quiet")
        printed = json.loads(reluctant(*arguments, cwd=undisturbed.parent, check=True).stdout)
        assert printed["studies"][0]["variance"] == (options[1] if options else "measured")
        found: list[dict[str, Any]] = printed["claims"]
        return found

    measured, conservative = claims(), claims("--variance", "nadeau-bengio")
    assert [claim["estimate"] for claim in conservative if claim["id"] == 2] == [measured[1]["estimate"]]
    low, high = measured[1]["plain_interval"]
    wider = conservative[1]["plain_interval"]
    # With 3 replicates and n_test/n_train = 1/3 the variance of the mean doubles.
    assert wider[1] - wider[0] == pytest.approx((high - low) * 2**0.5)
    assert claims("--variance", "measured") == measured
    refused = reluctant("compare", "--name", "c", "--variance", "none", cwd=undisturbed.parent)
    assert refused.returncode == 2
    assert "unknown variance 'none'" in refused.stderr


def test_killed_it_ends_as_if_undisturbed(reluctant: Reluctant, tmp_path: Path, undisturbed: Path) -> None:
    database = tmp_path / "reluctant.db"
    for _ in range(2):
        process = start(tmp_path, *LONGER)
        wait_until_running(process, database)
        time.sleep(0.2)
        kill(process)
    result = reluctant("resume", "c", check=True)
    assert "12  ReLU is good enough to try first" in result.stdout
    assert contents(database) == contents(undisturbed)
    assert count(database, "COMPLETE") == 324


def test_only_the_cells_of_the_claims_that_were_asked_for_are_trained(reluctant: Reluctant, tmp_path: Path) -> None:
    arguments = (*SMALL, "--claims", "7-8,14,22", "--name", "few", "--hidden", 2, "--quiet")
    made = reluctant(*arguments, "--format", "json", check=True)
    assert "skipped: claim 22: it needs layers of a fourth of the units and of four times as many" in made.stderr
    claims = json.loads(made.stdout)["claims"]
    assert [claim["id"] for claim in claims] == [7, 8, 14]
    # Speed is read from the learning curves in the database.
    assert all(-200 < row["estimate"] < 200 and row["interval"] is not None for row in claims[2]["evidence"])
    # tanh, sigmoid, the linear network, ReLU and ELU at each rate.
    assert count(tmp_path / "reluctant.db", "COMPLETE") == 45
    again = reluctant("compare", "--name", "few", check=True)
    assert "Holm's procedure over 3 claims" in again.stdout + again.stderr
    assert "source: stats.SE 489276; LeCun et al. 1998" in again.stdout
    assert count(tmp_path / "reluctant.db", "COMPLETE") == 45
    reluctant("report", "few", check=True)
    assert "Verdicts on 3 claims" in (tmp_path / "report.html").read_text(encoding="utf-8")
    refused = reluctant(*SMALL, "--hidden", 2, "--name", "few", "--claims", "7")
    assert refused.returncode == 2
    assert "claims (7,8,14 there, 7 here)" in refused.stderr


def test_convolutional_networks_are_compared_by_a_reduced_design(reluctant: Reluctant, tmp_path: Path) -> None:
    small = ("compare", "digits", "--rows", 60, "--network", "cnn", "--claims", "2,11", "--name", "c")
    costs = json.loads(reluctant(*small, "--dry-run", "--format", "json", check=True).stdout)
    assert [(each["design"], each["seeds"], each["epochs"]) for each in costs] == [("reduced", 3, 10)]
    quick = (*small, "--channels", "2,3", "--hidden", 4, "--seeds", 2, "--epochs", 1)
    trained = reluctant(*quick, check=True)
    assert "the reduced design for convolutional networks: 15 cells in place of 57" in trained.stderr
    assert "1 epochs; reduced design" in trained.stdout
    assert "depth is the number of blocks, 2 and 5" in trained.stdout
    assert "in networks of 5 blocks, tanh - ReLU: " in trained.stdout
    assert count(tmp_path / "reluctant.db", "COMPLETE") == 15
    printed = json.loads(reluctant(*quick, "--format", "json", "--quiet", check=True).stdout)
    assert count(tmp_path / "reluctant.db", "COMPLETE") == 15
    assert printed["studies"][0]["reduced"].startswith("the reduced design")
    assert [claim["id"] for claim in printed["claims"] if claim["interval"] is not None][-1:] == [11]
    reluctant("report", "c", check=True)
    assert "educed design for convolutional networks: 15 cells" in (tmp_path / "report.html").read_text(
        encoding="utf-8"
    )


def test_several_data_sets_are_seen_together(reluctant: Reluctant, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("a,b,kind\n" + "".join(f"{i % 7},{i % 5},{'xy'[i % 7 > 3]}\n" for i in range(80)))
    arguments = ("compare", "iris", table, "--target", "kind", *SMALL[2:], "--rows", 60, "--quiet")
    printed = json.loads(reluctant(*arguments, "--format", "json", check=True).stdout)
    assert [study["data"] for study in printed["studies"]] == ["iris", "points"]
    assert len(printed["claims"]) == 2 * len(USUAL_CLAIMS)
    together = printed["together"]
    assert together["data"] == ["iris", "points"]
    assert [claim["id"] for claim in together["claims"]] == [claim for claim in USUAL_CLAIMS if claim != 9]
    leaky = next(claim for claim in together["claims"] if claim["id"] == 2)["contrasts"][0]
    own = [claim["estimate"] for claim in printed["claims"] if claim["id"] == 2]
    assert leaky["estimates"] == own
    assert leaky["estimate"] == sum(own) / 2
    assert len(together["ranking"]["activations"]) == 8
    assert sorted(together["ranking"]["ranks"]) == together["ranking"]["ranks"]
    text = reluctant(*arguments, check=True).stdout
    assert "mean rank by test accuracy" in text
    assert (
        " 2  leaky ReLU is an overall improvement: on average UNDECIDED; on a new data set, most likely: undecided"
        in text
    )


def test_a_dry_run_says_what_it_would_cost_and_writes_nothing(reluctant: Reluctant, tmp_path: Path) -> None:
    result = reluctant(*SMALL, "--dry-run", check=True)
    assert "90 + 30 + 30" in result.stdout
    assert "324" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_what_becomes_of_the_data_is_said_of_each_data_set(here: Reluctant, tmp_path: Path) -> None:
    """In a dry run and in training, as `run` and `resume` say it."""
    rows = "".join(f"{n},{n / 7:.2f}%,{['u', 'v'][n % 2]}\n" for n in range(60))
    (tmp_path / "t.csv").write_text("id,share,y\n" + rows)
    small = ("t.csv", "iris", "--target", "y", "--claims", 2, "--seeds", 1, "--epochs", 1, "--hidden", 4)
    planned = here("compare", *small, "--dry-run", check=True).stdout
    lines = [
        "id: dropped; it only counts the rows",
        "share: number; 1 input; % left out",
        "iris: 150 rows (90 training",
    ]
    assert all(line in planned for line in lines)
    plans = json.loads(here("compare", *small, "--dry-run", "--format", "json", check=True).stdout)
    assert [plan["summary"]["rows"] for plan in plans] == [60, 150]
    assert [column["kind"] for column in plans[0]["summary"]["columns"]] == ["dropped", "number"]
    assert all(plan["plan"]["slots"] == plan["networks"] for plan in plans)
    assert list(tmp_path.iterdir()) == [tmp_path / "t.csv"]
    here("compare", *small, "--quiet", "--name", "c", check=True)
    again = here("compare", *small, "--name", "c", check=True)
    resumed = here("resume", "c-t", check=True)
    assert all(line in again.stderr for line in lines)
    assert all(line in resumed.stderr for line in lines[:2])


def test_one_seed_gives_no_interval(reluctant: Reluctant) -> None:
    arguments = ("compare", "iris", "--claims", "1-3,9", "--seeds", 1, "--epochs", 1, "--hidden", 8)
    arguments += ("--quiet", "--format", "json")
    claims = json.loads(reluctant(*arguments, check=True).stdout)["claims"]
    of_seeds = [claim for claim in claims if claim["id"] != 9]
    assert all(claim["interval"] is None and claim["verdict"] == "undecided" for claim in of_seeds)
    assert all("one seed gives no interval" in claim["change"] for claim in of_seeds)


def test_a_learning_rate_that_is_far_too_high_is_only_that_of_deep_networks(reluctant: Reluctant) -> None:
    """Rates are tuned wherever a verdict rests on what was trained."""
    wild = ("--learning-rate", 10, "--optimizer", "sgd", "--seeds", 2, "--epochs", 3, "--hidden", 8)
    printed = json.loads(reluctant("compare", "iris", *wild, "--quiet", "--format", "json", check=True).stdout)
    for claim in printed["claims"]:
        deciding = [evidence for evidence in claim["evidence"] if evidence["decides"]]
        assert deciding
        assert claim["id"] == 11 or all(evidence["estimate"] is not None for evidence in deciding)
    accuracy = printed["claims"][1]
    assert accuracy["interval"][0] >= -100
    assert accuracy["interval"][1] <= 100


@pytest.mark.parametrize("command", [LONGER, ("compare", "--name", "c"), ("resume", "c")])
def test_a_comparison_is_launched_on_ray_where_that_is_asked_for(
    reluctant: Reluctant, undisturbed: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[object, ...]
) -> None:
    """As a search is: there is no Ray here, and that is said in place of training without it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    result = reluctant(*command, "--ray", "127.0.0.1:1", "--cpus-per-worker", 1, cwd=undisturbed.parent)
    assert result.returncode == 2
    assert "--ray needs Ray, which is not installed" in result.stderr
    assert result.stdout == ""


def test_a_comparison_keeps_checkpoints_where_it_is_told_to(reluctant: Reluctant, tmp_path: Path) -> None:
    long = ("compare", "iris", "--seeds", 1, "--epochs", 5000, "--hidden", 8, "--name", "c")
    options = ("--checkpoint-every", 0.05, "--timeout", 2)
    first = reluctant(*long, "--checkpoints", "one", *options)
    assert "time is up" in first.stderr
    assert list((tmp_path / "one").glob("*.safetensors"))
    # The stored study, by its name alone: options of this run count there too.
    again = reluctant("compare", "--name", "c", "--checkpoints", "two", *options)
    assert "time is up" in again.stderr
    assert list((tmp_path / "two").glob("*.safetensors"))


def test_drift_and_shuffled_labels_are_compared_in_one_go_or_in_two(reluctant: Reluctant, tmp_path: Path) -> None:
    small = ("compare", "iris", "--rows", 40, "--claims", "22,24", "--seeds", 1, "--hidden", 4, "--name", "c")
    skipped = reluctant(*small, "--epochs", 9, "--dry-run", check=True)
    assert "skipped: claim 24: it needs an epoch for each of 10 orders of the inputs, and there are 9" in skipped.stderr
    long = (*small, "--epochs", 10, "--storage")
    whole = reluctant(*long, "whole.db", "--format", "json", check=True)
    assert [claim["id"] for claim in json.loads(whole.stdout)["claims"]] == [22, 24]
    # ReLU at nine rates: alone, narrow, wide, with shuffled labels, and drifting, as leaky ReLU does at five slopes.
    assert count(tmp_path / "whole.db", "COMPLETE") == 9 * (4 + 6)
    ended = reluctant(*long, "parts.db", "--checkpoint-every", 0.01, "--timeout", 0.5)
    assert "time is up" in ended.stderr
    reluctant("resume", "c", "--storage", "parts.db", check=True)
    assert contents(tmp_path / "parts.db") == contents(tmp_path / "whole.db")


def test_searches_and_comparisons_are_told_apart(reluctant: Reluctant, undisturbed: Path) -> None:
    def refused(*arguments: Any) -> str:
        result = reluctant(*arguments, "--storage", undisturbed)
        assert result.returncode == 2
        assert len(result.stderr.splitlines()) == 1
        return result.stderr

    assert "is a comparison, and a search is needed" in refused("front", "c")
    assert "is a comparison, and a search is needed" in refused("advise", "c")
    assert "taken by a comparison, and this is a search" in refused("run", "iris", "--name", "c")
    assert "comparison of 324 cells, no more and no less" in refused("resume", "c", "--trials", 200)
    reluctant("run", "iris", "--name", "s", "--trials", 1, "--epochs", 1, "--storage", undisturbed, check=True)
    assert "is a search, and a comparison is needed" in refused("compare", "--name", "s")
    assert "taken by a search, and this is a comparison" in refused("compare", "iris", "--name", "s")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--hidden", "16,8"), "a comparison varies the depth itself, and needs one number"),
        (("--target", "kind"), "iris has labels of its own"),
        (("iris",), "two of the data sets are the same"),
        (("--seeds", "0"), "--seeds is '0'"),
        (("--claims", "99"), "--claims is '99'; there is no claim 99; there are the claims 1-"),
        (("--claims", "0-3"), "--claims is '0-3'; there is no claim 0; "),
        (("--claims", "x"), "--claims is 'x'; 'x' is no number and no range; "),
        (("--rows", "7"), "rows"),
        (("--network", "cnn"), "--network is cnn, which reads images, and iris is a table of 4 columns"),
        (("--format", "xml"), "unknown format 'xml'"),
    ],
)
def test_bad_input_is_one_line(reluctant: Reluctant, arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = reluctant("compare", "iris", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_several_tables_need_a_target_each(reluctant: Reluctant, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "c.csv"):
        (tmp_path / name).write_text("x,kind\n" + "1,u\n2,v\n" * 10)
    result = reluctant("compare", "a.csv", "b.csv", "c.csv", "--target", "kind", "--target", "kind")
    assert result.returncode == 2
    assert "2 times --target for 3 tables" in result.stderr


def test_advice_comes_from_fresh_seeds_that_are_trained_once(reluctant: Reluctant, tmp_path: Path) -> None:
    reluctant("run", "iris", "--name", "s", "--trials", 12, "--epochs", 15, "--hidden", 16, "--quiet", check=True)
    front = reluctant("front", "s", "--format", "json", check=True).stdout
    first = reluctant("advise", "s", check=True)
    lines = first.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        "use",
        "why:",
        "survived:",
        "cost:",
        "too",
        "elsewhere:",
        "reference,",
    ]
    assert lines[5].startswith("elsewhere: without the evidence of other data sets, which is of other options: ")
    assert "10 fresh seeds; over 10 others" in lines[1]
    assert "for a test part of 30 samples" in lines[1]
    assert "recommended is the sparsest of the trials that are as good as the best" in first.stderr
    started = time.monotonic()
    assert reluctant("advise", "s", check=True).stdout == first.stdout
    rows = json.loads(reluctant("advise", "s", "--format", "json", check=True).stdout)
    assert rows[0]["role"] == "recommended"
    assert rows[0]["advice"] == " | ".join(lines[:6])
    assert {row["trial"] for row in rows} >= {row["trial"] for row in json.loads(front)}
    before, after = json.loads(front), json.loads(reluctant("front", "s", "--format", "json", check=True).stdout)
    measured = ("clamped_accuracy", "standard_error", "test_clamped_accuracy", "clamped_zeros", "dead")  # all is kept
    assert {row["trial"]: [row[key] for key in measured] for row in after if row["role"] != "reference"} == {
        row["trial"]: [row[key] for key in measured] for row in before
    }
    (chosen,) = (row for row in after if row["role"] == "recommended")
    assert chosen["trial"] == rows[0]["trial"]
    assert chosen["basis"] == "confirmed on 10 fresh seeds"
    exported = reluctant("export", "s", "--trial", "best", "--model", "net", check=True)
    assert f"trial {chosen['trial']}, replicate" in exported.stderr
    assert "recommended one, confirmed on 10 fresh seeds" in (tmp_path / "net" / "README.md").read_text()
    assert "confirmed on 10 fresh seeds" in reluctant("report", "s", check=True, cwd=tmp_path).stdout + (
        tmp_path / "report.html"
    ).read_text(encoding="utf-8")
    assert time.monotonic() - started < 60
    empty = reluctant("advise", "nothing")
    assert empty.returncode == 2
    assert "no study 'nothing'" in empty.stderr


def test_a_study_without_trials_says_what_to_run(reluctant: Reluctant) -> None:
    reluctant("run", "digits", "--name", "e", "--epochs", 5000, "--timeout", 0.5, "--quiet", check=True)
    result = reluctant("advise", "e")
    assert result.returncode == 1
    assert "has no finished trial yet; continue it with `reluctant resume e`" in result.stderr
