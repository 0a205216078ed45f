"""Whether every command names the same trial: before `advise`, after it, after a resume, and after `advise` again.

    python -m benchmarks.agreement FILE[:TARGET] ... [--rows 1500] [--trials 24] [--output FILE.json]

For each data set a search is run in a folder of its own, and its recommended trial is read from what run and resume,
advise, front, export --model with the model's README, report and the dashboard's note say, with the reason that each of
them gives. Of `advise`, whose figures are that reason, the trial alone is compared.

On six data sets of UCI (diabetes, vehicle, credit_g, ionosphere, car, adult; 800 rows, 20 trials of 3 seeds, then 40)
all of them name one trial at all 24 times, and all but `advise` give one reason. The trial changed with the first
advice in each of the six, and each of the resumes brought trials to the front that were not confirmed yet.
"""

from __future__ import annotations

import argparse
import contextlib
import html
import io
import json
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from benchmarks.hardware import taken
from reluctant.command import main as command
from storage import open_storage
from study.dashboard.pages import Extras

Answer = tuple[int, str]
"""The trial that is named, and the reason that is given."""


@dataclass(frozen=True)
class Phase:
    """What all commands say of a study at one time.

    Attributes:
        after: The command that came before.
        answers: By what was read: the trial that is named, and why.
        advised: The trial that `advise` names; None where the command was another one.
    """

    after: str
    answers: Mapping[str, Answer]
    advised: int | None = None

    @property
    def agree(self) -> bool:
        """Whether all name one trial, for one reason; `advise` gives its own, and only its trial is compared."""
        trials = {trial for trial, _ in self.answers.values()}
        return len(set(self.answers.values())) == 1 and self.advised in {None, *trials}


def phases(folder: Path, data: Sequence[str], *, trials: int) -> list[Phase]:
    """What all commands say of a new search, at four times.

    Args:
        folder: Where the search is to live.
        data: Arguments of `run` that name the data, and whatever else the search is to have.
        trials: Trials of the search; it gets twice as many when it is resumed.
    """
    commands = (
        ["run", *data, "--trials", str(trials), "--no-confirm", "--name", "s"],
        ["advise", "s"],
        ["resume", "s", "--trials", str(2 * trials), "--no-confirm"],
        ["advise", "s"],
    )
    found = []
    for number, words in enumerate(commands):
        output, messages = _run(folder, *words)
        answers, advised = _answers(folder, number), None
        if words[0] == "advise":
            advised = int(_first(r"^use trial (\d+):", output))
        else:
            answers[words[0]] = (
                int(_first(r"^trial (\d+) is recommended: ", messages)),
                _first(r"^trial \d+ is recommended: (.*?)(?:; it is expected to lie|$)", messages),
            )
        found.append(Phase(words[0], answers, advised))
    return found


def _answers(folder: Path, number: int) -> dict[str, Answer]:
    rows = json.loads(_run(folder, "front", "s", "--format", "json")[0])
    recommended = next(row for row in rows if row["role"] == "recommended")
    model = folder / f"model-{number}"
    _run(folder, "export", "s", "--trial", "best", "--model", str(model))
    trial = json.loads((model / "config.json").read_text(encoding="utf-8"))["origin"]["trial"]
    readme = (model / "README.md").read_text(encoding="utf-8")
    _run(folder, "report", "s", "-o", str(folder / "report.html"))
    page = (folder / "report.html").read_text(encoding="utf-8")
    report = html.unescape(re.sub(r"</?code>", "`", page[page.index("<body") :]))
    storage = open_storage(folder / "reluctant.db", create=False)
    _, note = Extras(storage, storage).of(storage.study_id("s"))
    storage.close()
    note = note.replace("\\", "")
    return {
        "front": (recommended["trial"], recommended["basis"]),
        "export": (trial, _first(r"The trial is the study's recommended one, (.*?)\. The replicate", readme)),
        "report": (
            int(_first(r"Use [^<]*\(trial (\d+)\)", report)),
            _first(r"It is ((?:chosen|confirmed) [^<]*?): recommended is", report),
        ),
        "dashboard": (
            int(_first(r"\*\*Use trial (\d+)\*\*", note)),
            _first(r"It is ((?:chosen|confirmed) .*?)\. These figures", note),
        ),
    }


def _run(folder: Path, *words: str) -> tuple[str, str]:
    """What a command prints on stdout and on stderr; it runs in this process, which has loaded everything already."""
    output, messages = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(messages),
        mock.patch.object(sys, "argv", ["reluctant", *words]),
    ):
        try:
            command()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{' '.join(words)}: {messages.getvalue()}") from None
    return output.getvalue(), messages.getvalue()


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise RuntimeError(f"nothing like {pattern!r} in: {text[:2000]}")
    return found[1]


def main() -> None:
    """Prints a line for each data set and time, and writes all of it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="+", help="as `run` takes it; with a colon and the column to predict")
    parser.add_argument("--rows", default="1500")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", default="15")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/agreement.json"))
    options = parser.parse_args()
    sets = {}
    for given in options.data:
        data, _, target = given.partition(":")
        words = [data, *(["--target", target] if target else []), "--rows", options.rows, "--epochs", options.epochs]
        with tempfile.TemporaryDirectory() as folder:
            found = phases(Path(folder), [*words, "--cohort", "8", "--hidden", "32,32"], trials=options.trials)
        sets[Path(data).stem] = [
            {"after": p.after, "agree": p.agree, "answers": p.answers, "advised": p.advised} for p in found
        ]
        for phase in found:
            number, basis = phase.answers["front"]
            verdict = "all agree" if phase.agree else f"they differ: {phase.answers}, advised: {phase.advised}"
            print(f"{Path(data).stem:<16} after {phase.after:<7} trial {number:>3}  {verdict}  ({basis})", flush=True)
    names = " ".join(Path(given).name for given in options.data)
    settings = f"--rows {options.rows} --trials {options.trials} --epochs {options.epochs}"
    report = {**taken(""), "command": f"python -m benchmarks.agreement {names} {settings}", "data_sets": sets}
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
