"""The environment files agree with one another."""


def wanted(root):
    """The requirements that a person wrote."""
    lines = (root / "envs" / "requirements.in").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def test_the_locks_hold_every_requirement_with_hashes(root):
    for lock in ("requirements.txt", "requirements-dev.txt"):
        text = (root / "envs" / lock).read_text()
        names = {line.split("==")[0] for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))}
        for requirement in wanted(root):
            name = requirement.split(";")[0].split(">")[0].strip()
            assert name in names, f"{name} is not in envs/{lock}: run `make lock`"
        assert "--hash=sha256:" in text
        assert "://" not in text, "a lock names no registry"
