"""Reading from S3-compatible storage: a server of moto's on this machine, never another host."""

import importlib

import pytest

from edgeacc.errors import BadInput, NotPossibleHere
from edgeacc.windows.store import create_store
from edgeacc.windows.stream import Shard, open_stream

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server():
    """HOST:PORT of the server."""
    moto = pytest.importorskip("moto.server", exc_type=ImportError)
    running = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    yield "{}:{}".format(*running.get_host_and_port())
    running.stop()


@pytest.fixture
def uri(server, monkeypatch):
    """Of a bucket, by its path there."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return lambda path, host=server: f"s3://{path}?endpoint_override={host}&scheme=http&region=us-east-1"


@pytest.fixture(scope="module")
def put(server):
    """Writes an object into the bucket."""
    boto3 = pytest.importorskip("boto3")
    config = importlib.import_module("botocore.config").Config(proxies={})
    keys = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=f"http://{server}", config=config, **keys)
    client.create_bucket(Bucket="bucket")
    yield lambda path, content: client.put_object(Bucket="bucket", Key=path, Body=content)
    client.close()


@pytest.fixture
def store(tmp_path, make_windows, contract, put):
    """A store on disk, and the same in the bucket."""
    made = create_store(
        tmp_path / "store",
        iter([make_windows([0] * 20 + [1] * 20)]),
        {0: "train", 1: "test"},
        contract=contract,
        source="recordings",
        name="made",
        provenance={},
    )
    for path in made.path.iterdir():
        put(f"sets/store/{path.name}", path.read_bytes())
    return made


def numbers(stream, **options):
    return [
        number
        for batch in stream.batches("train", batch=6, seed=0, epoch=0, **options)
        for number in batch.window_id_B.tolist()
    ]


def test_it_reads_as_from_the_disk(store, uri):
    remote = open_stream(uri("bucket/sets/store"), store.manifest.contract)
    assert remote.manifest == store.manifest
    assert numbers(remote) == numbers(open_stream(store.path))
    shares = [numbers(remote, shard=Shard(number, 3)) for number in range(3)]
    assert sorted(number for share in shares for number in share) == list(range(20))


def test_what_is_not_there_or_was_changed_is_told_without_the_keys(store, uri, put):
    with pytest.raises(BadInput, match=r"^s3://bucket/sets is not a store: no manifest\.json in it$"):
        open_stream(uri("nobody:nothing@bucket/sets"))
    with pytest.raises(BadInput, match="is not a store"):
        open_stream(uri("other/store"))
    remote = open_stream(uri("bucket/sets/store"))
    whole = (store.path / "train-00000.parquet").read_bytes()
    for content, told in (
        (b"", r"^s3://bucket/sets/store/train-00000\.parquet is truncated or changed: 0 bytes"),
        (whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], "was changed since it was written"),
    ):
        put("sets/store/train-00000.parquet", content)
        with pytest.raises(BadInput, match=told):
            numbers(remote)
    put("sets/store/manifest.json", b"{")
    with pytest.raises(BadInput, match=r"manifest\.json is not valid JSON"):
        open_stream(uri("bucket/sets/store"))


def test_storage_that_does_not_answer_is_told(uri):
    with pytest.raises(NotPossibleHere, match=r"cannot read s3://bucket/store/manifest\.json"):
        open_stream(uri("bucket/store", host="127.0.0.1:9"))


def test_what_is_no_place_is_refused():
    with pytest.raises(BadInput, match="nowhere://store is no place that can be read"):
        open_stream("nowhere://store")
