"""The fits of a training are files: whatever is killed, the rest is done, and the model is the same."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from tagdesk.command import main
from tagdesk.models import load
from tagdesk.models.storage import versions
from tagdesk.training.classifier import TopicClassifier
from tagdesk.training.config import FitSettings
from tagdesk.training.fit_one import shared_of
from tagdesk.training.fits.fits import FOLDER, KEPT_DAYS, Fits
from tagdesk.training.fits.inputs import Inputs
from tagdesk.training.fits.tasks import OneFit, carry_out, read_fit, write_fit
from tagdesk.training.learn.fit import fit_topics
from tagdesk.training.sparse_table import Table, as_sparse_table
from tests.dask_cluster import Cluster
from tests.processes import children_of
from tests.test_command import without
from tests.training.conftest import CONFIG, DATA
from tests.training.learn.test_fit import FEW, data
from tests.waiting import PATIENCE, eventually

FITS = 168
"""Of eight topics with twenty folds: enough to be killed among them."""

TWENTY_FOLDS = f"{CONFIG}\n[fit]\nfolds = 20\n"

linux = pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")


class Desk:
    """A folder with a config, and a store of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, folder / "store"
        folder.mkdir(exist_ok=True)
        (folder / "small.toml").write_text(TWENTY_FOLDS, encoding="utf-8")

    @property
    def command(self) -> list[str]:
        return ["train", "--publish", "--config", str(self.folder / "small.toml")]

    @contextmanager
    def started(self, *options: str, store: str = "") -> "Iterator[subprocess.Popen[str]]":
        """Start the training in another process, which does not outlive the block."""
        environment = os.environ | {"CORPUS_DIR": str(DATA), "TAGDESK_STORE": store or str(self.store)}
        command = [sys.executable, "-m", "tagdesk", *self.command, *options]
        with subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def files(self) -> list[Path]:
        """Return the fits that are done."""
        return sorted(self.store.glob(f"{FOLDER}/*/*.npz"))

    def wait_for(self, fits: int, process: "subprocess.Popen[str]") -> None:
        """Wait until so many fits are done, or the training has ended."""
        eventually(lambda: len(self.files()) >= fits or process.poll() is not None)

    def content(self) -> str:
        """Return the content hash of the model that was made, which has left nothing else behind."""
        assert [path.name for path in self.store.iterdir()] == ["small"]
        (version,) = versions(self.store, "small")
        content: str = load(self.store / "small" / version).manifest["content_hash"]
        return content


def kill_workers(process: "subprocess.Popen[str]", most: int | None = None) -> int:
    """Kill the workers of a training that are there, all or so many, and return how many it were."""
    killed = 0
    for child in children_of(process.pid)[:most]:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(child, signal.SIGKILL)
            killed += 1
    return killed


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the content hash of a training that nothing interrupts."""
    quiet = Desk(tmp_path_factory.mktemp("quiet"))
    with quiet.started() as process:
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert "done before" not in said
    return quiet.content()


@pytest.fixture(scope="module")
def killed_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the store of a training that was killed among its fits; not to be written to."""
    for _ in range(10):  # who kills it may be late: then the next is killed
        killed = Desk(tmp_path_factory.mktemp("killed"))
        with killed.started() as process:
            killed.wait_for(5, process)
            workers = children_of(process.pid)
            assert process.poll() in (None, 0), process.communicate(timeout=PATIENCE)
            process.kill()
        eventually(lambda: not any(Path(f"/proc/{worker}/cmdline").exists() for worker in workers))  # noqa: B023 - called at once
        if 5 <= len(killed.files()) < FITS:
            return killed.store
    pytest.fail("it was never killed amid its fits")


@pytest.fixture
def killed(killed_store: Path, desk: Desk) -> Desk:
    shutil.copytree(killed_store, desk.store)
    return desk


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return what runs the training in this process, and returns its exit code and what it said."""

    def command(desk: Desk, *options: str) -> tuple[int, str]:
        monkeypatch.chdir(desk.folder)
        monkeypatch.setenv("CORPUS_DIR", str(DATA))
        monkeypatch.setenv("TAGDESK_STORE", str(desk.store))
        caplog.clear()
        with caplog.at_level(logging.INFO):
            code = main([*desk.command, *options])
        return code, caplog.text + capsys.readouterr().err

    return command


Run = Callable[..., tuple[int, str]]


@linux
def test_training_that_was_killed_does_the_rest_when_it_is_run_again(killed: Desk, run: Run, content: str) -> None:
    before = len(killed.files())
    code, said = run(killed)
    assert code == 0
    assert f"{before} of {FITS} fits were done before" in said
    assert killed.content() == content


@linux
def test_damaged_fit_is_done_again(killed: Desk, run: Run, content: str) -> None:
    """Cut off, empty, or with a byte that is another; what was written down of the articles is written anew."""
    cut, empty, changed, *whole = killed.files()
    cut.write_bytes(cut.read_bytes()[:-40])
    empty.write_bytes(b"")
    damaged = bytearray(changed.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    changed.write_bytes(damaged)
    (inputs,) = killed.store.glob(f"{FOLDER}/*/X.data.npy")
    inputs.write_bytes(b"")
    code, said = run(killed)
    assert code == 0
    assert f"{len(whole)} of {FITS} fits were done before" in said
    assert killed.content() == content


@pytest.mark.parametrize("left_out", [-1, 1])
def test_fit_of_which_a_byte_is_another_is_read_as_it_was_or_not_at_all(tmp_path: Path, left_out: int) -> None:
    task = OneFit(0, left_out)
    written = {name: np.arange(3.0) for name in task.arrays}
    write_fit(tmp_path, task, written)
    file = tmp_path / task.name
    whole = file.read_bytes()
    for place in range(len(whole)):
        for bit in range(8):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            if (found := read_fit(tmp_path, task)) is not None:
                assert {name: array.tolist() for name, array in found.items()} == {
                    name: array.tolist() for name, array in written.items()
                }


def test_worker_of_several_threads_fits_as_one_of_one_does(tmp_path: Path) -> None:
    """LIBLINEAR draws from one generator a process."""
    X, decisions, fold = data()
    Inputs.of(shared_of(X, fold, FitSettings(folds=3), None, None), decisions).write(tmp_path)
    tasks = [OneFit(topic, part) for topic in range(decisions.shape[1]) for part in (-1, 0, 1, 2)]
    orders = [(str(tmp_path), task) for task in tasks]

    def contents() -> list[bytes]:
        return [array.tobytes() for task in tasks for array in (read_fit(tmp_path, task) or {}).values()]

    assert not any(map(carry_out, orders))
    alone = contents()
    for _ in range(10):
        with ThreadPoolExecutor(4) as threads:
            assert not any(threads.map(carry_out, orders))
        assert contents() == alone


@linux
def test_other_settings_are_other_fits(killed: Desk, run: Run) -> None:
    (killed.folder / "small.toml").write_text(f"{TWENTY_FOLDS}C = 2.0\n", encoding="utf-8")
    code, said = run(killed)
    assert code == 0
    assert "done before" not in said
    assert len(list((killed.store / FOLDER).iterdir())) == 1  # what was killed waits for its own settings


@linux
def test_worker_that_is_killed_is_replaced(desk: Desk, content: str) -> None:
    """Before it has begun, and amid the work."""
    with desk.started() as process:
        for fits in (0, 1, 20):
            desk.wait_for(fits, process)
            eventually(lambda: kill_workers(process, 1) or process.poll() is not None)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert desk.content() == content


@linux
def test_training_whose_workers_are_always_killed_ends_with_the_likely_reason(desk: Desk) -> None:
    with desk.started() as process:

        def has_ended() -> bool:
            kill_workers(process)
            return process.poll() is not None

        eventually(has_ended)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "the workers of a fit were killed, time and again: is there too little memory?" in said
    assert "Traceback" not in said


@linux
def test_ctrl_c_keeps_the_fits_and_says_so(desk: Desk, run: Run, content: str) -> None:
    for _ in range(10):  # who interrupts it may be late
        with desk.started() as process:
            desk.wait_for(5, process)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE)
        if process.returncode:
            break
        shutil.rmtree(desk.store)
    assert process.returncode == 130
    assert f" fits are kept in {desk.store / FOLDER}: the same command does the rest" in said
    assert said.endswith("tagdesk: interrupted\n")
    assert "Traceback" not in said
    before = len(desk.files())
    assert f"{before} of {FITS} fits were done before" in run(desk)[1]
    assert desk.content() == content


@linux
def test_second_training_of_the_same_while_the_first_is_at_work(desk: Desk, run: Run, content: str) -> None:
    """Each has its own fits, and clears away no others."""
    for _ in range(10):  # who stops the first may be late
        with desk.started() as process:
            desk.wait_for(1, process)
            process.send_signal(signal.SIGSTOP)
            if not (first := set(desk.files())):
                continue
            code, said = run(desk)
            assert code == 0
            assert "done before" not in said
            assert first <= set(desk.files())
            process.send_signal(signal.SIGCONT)
            _, said = process.communicate(timeout=PATIENCE)
            break
    assert first
    assert process.returncode == 0, said
    assert desk.content() == content


@linux
def test_fits_of_trainings_that_were_given_up_are_removed_after_a_week(killed: Desk, run: Run) -> None:
    (old,) = (killed.store / FOLDER).iterdir()
    young = shutil.copytree(old, old.with_name("young"))
    long_ago = time.time() - KEPT_DAYS * 86_400 - 60
    old = old.rename(old.with_name("old"))
    os.utime(old, (long_ago, long_ago))
    assert run(killed)[0] == 0
    assert list((killed.store / FOLDER).iterdir()) == [young]


def test_store_that_cannot_be_written_is_one_sentence(desk: Desk, run: Run) -> None:
    """Before anything is fitted."""
    desk.store.mkdir()
    (desk.store / FOLDER).write_text("")
    code, said = run(desk)
    assert code == 2
    assert f"cannot write {desk.store / FOLDER}: " in said
    assert "fitting topics" not in said


@linux
def test_folder_of_fits_that_cannot_be_made_is_one_sentence(killed: Desk, run: Run) -> None:
    """When all words are counted."""
    (folder,) = (killed.store / FOLDER).iterdir()
    shutil.rmtree(folder)
    folder.write_text("")
    code, said = run(killed)
    assert code == 2
    assert f"cannot write {killed.store / FOLDER}: " in said


@linux
def test_full_disk_is_one_sentence(desk: Desk) -> None:
    """Here, files may not be as large as the articles' words."""
    with desk.started() as process:
        subprocess.run(["prlimit", f"--pid={process.pid}", "--fsize=20000"], check=True)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert f"tagdesk: cannot write {desk.store / FOLDER}: " in said
    assert "Traceback" not in said


def test_classifier_of_a_notebook_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    texts = [f"{word} {other}" for word in ("goal", "war") for other in ("a", "b", "c", "d", "e", "f")] * 3
    topics = [["sport"] if "goal" in text else ["conflict"] for text in texts]
    classifier = TopicClassifier(min_df=1, folds=2).fit(texts, topics, groups=range(len(texts)))
    assert np.isfinite(classifier.out_of_fold_scores_).all()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("table", [np.asarray, lambda array: as_sparse_table(array, np.zeros(3, np.int8))])
def test_fits_of_many_topics_that_are_done_are_only_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, table: Callable[..., Table]
) -> None:
    X, decisions, fold = data()
    done = []
    for goes_on in (False, True):
        with caplog.at_level(logging.INFO), suppress(ZeroDivisionError), Fits(tmp_path / "fits") as fits:
            done.append(fit_topics(X, table(decisions), fold, FEW, fits=fits))
            if not goes_on:
                raise ZeroDivisionError
    assert caplog.messages[-1] == "3 of 3 fits were done before"
    for mine in (*done, fit_topics(X, decisions, fold, FEW)):
        assert mine.weights.values.tobytes() == done[0].weights.values.tobytes()
        assert mine.out_of_fold.cells.data.tobytes() == done[0].out_of_fold.cells.data.tobytes()
    assert not (tmp_path / "fits").exists()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a cluster of two workers, who work in another folder than the desk."""
    with ExitStack() as stack:
        (tmp_path / "workers").mkdir()
        started = Cluster(tmp_path / "workers", stack)
        started.add_worker()
        started.add_worker()
        yield started


def test_cluster_makes_the_same_model_though_a_worker_dies(desk: Desk, cluster: Cluster, content: str) -> None:
    with desk.started("--cluster", cluster.address) as process:
        desk.wait_for(5, process)
        cluster.workers[0].kill()
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert desk.content() == content


@linux
def test_worker_of_a_cluster_that_does_not_see_the_store_is_one_sentence(desk: Desk, cluster: Cluster) -> None:
    """This store lies in the folder in which a process works, which for each of them is its own."""
    with desk.started("--cluster", cluster.address, store="/proc/self/cwd/store") as process:
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert " cannot read /proc/self/cwd/store/.fits/" in said
    assert "TAGDESK_STORE" in said
    assert "Traceback" not in said


def test_without_dask_it_says_what_to_install(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUS_DIR", str(DATA))
    monkeypatch.setenv("TAGDESK_STORE", str(desk.store))
    ran = without({"distributed", "dask"}, *desk.command, "--cluster", "tcp://127.0.0.1:9")
    assert ran.returncode == 2
    assert "pip install 'tagdesk[dask]'" in ran.stderr
