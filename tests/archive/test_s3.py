"""An archive in an object store: a real S3 server on this machine, read, written, and taken up again."""

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import FileInfo, FileSelector, FileType, S3FileSystem

from tests.archive.conftest import Archive, articles


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Return the address of moto's server, as its users run it, in a thread."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3FileSystem]:
    """Return the server's filesystem, with an empty bucket; as for any S3, the environment says who asks."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    filesystem = S3FileSystem(
        endpoint_override=server, region="eu-west-1", allow_bucket_creation=True, allow_bucket_deletion=True
    )
    filesystem.create_dir("news")
    yield filesystem
    filesystem.delete_dir("news")


def written(bucket: S3FileSystem, folder: str) -> dict[str, FileInfo]:
    """Return the files in a folder of the bucket, by their names."""
    infos = bucket.get_file_info(FileSelector(folder, recursive=True))
    return {info.path.removeprefix(f"{folder}/"): info for info in infos if info.type is FileType.File}


def test_archive_in_s3_is_tagged_into_s3_and_taken_up_again(archive: Archive, bucket: S3FileSystem) -> None:
    """Parquet and gzipped lines; parts that are done are known again, a file that cannot be read leaves nothing."""
    for n in range(3):
        pq.write_table(pa.Table.from_pylist(articles(20, 20 * n)), f"news/in/{n}.parquet", filesystem=bucket)
    lines = "".join(json.dumps(row) + "\n" for row in articles(20, 60)).encode()
    with bucket.open_output_stream("news/in/3.jsonl.gz", compression="gzip") as file:
        file.write(lines)
    with bucket.open_output_stream("news/in/4.parquet") as file:
        file.write(b"PAR1 no more PAR1")
    ran = archive("s3://news/in", "s3://news/out")
    assert ran.code == 1
    assert "4.parquet" in ran.err
    found = written(bucket, "news/out")
    names = ["0.parquet", "1.parquet", "2.parquet", "3.jsonl.gz.parquet"]
    assert sorted(found) == [*names, *(f"_tagdesk/{name}.json" for name in names)]
    rows = [row for name in names for row in pq.read_table(f"news/out/{name}", filesystem=bucket).to_pylist()]
    assert [row["id"] for row in rows] == [row["id"] for row in articles(80)]
    bucket.delete_file("news/out/1.parquet")
    again = archive("s3://news/in/*.parquet", "s3://news/out")
    assert "2 parts done before, 2 to do" in again.err
    assert written(bucket, "news/out").keys() == found.keys()


def test_articles_in_s3_are_never_overwritten_by_their_answers(archive: Archive, bucket: S3FileSystem) -> None:
    pq.write_table(pa.Table.from_pylist(articles(3)), "news/in/0.parquet", filesystem=bucket)
    for source in ("s3://news/in", "s3://news/in/0.parquet"):
        ran = archive(source, "s3://news/in/")
        assert ran.code == 2
        assert "would be overwritten by its own answers" in ran.err
    assert list(written(bucket, "news/in")) == ["0.parquet"]


def test_bucket_that_is_not_there_is_one_sentence(archive: Archive, bucket: S3FileSystem) -> None:
    ran = archive("s3://no-such-bucket/in", "s3://news/out")
    assert ran.code == 2
    assert "s3://no-such-bucket/in" in ran.err
    assert ran.err.count("\n") == 1
