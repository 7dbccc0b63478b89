"""`edgeacc kit`: what it refuses before anything is made; what it makes is in tests/export/kits."""


def test_refusals_leave_nothing(edgeacc, tmp_path):
    ran = edgeacc("kit", tmp_path / "none", "--platform", "c", "-o", tmp_path / "kit")
    assert ran.code == 2
    assert "none does not exist" in ran.err
    (tmp_path / "there").mkdir()
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "SHA256SUMS").write_text("")
    ran = edgeacc("kit", tmp_path / "bundle", "--platform", "c", "-o", tmp_path / "there")
    assert ran.code == 2
    assert "there exists already" in ran.err
    assert not (tmp_path / "kit").exists()


def test_a_platform_must_be_named(edgeacc):
    ran = edgeacc("kit", "bundle")
    assert ran.code == 2
    assert "--platform" in ran.err
