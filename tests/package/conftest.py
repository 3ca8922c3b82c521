"""What every test of the packages begins with: a Debian to unpack, and the packages, made in one as the README says."""

import tempfile
from pathlib import Path

import pytest

from builder import Builder
from fresh_debian import FreshDebian, make_archive


@pytest.fixture(scope="session")
def work():
    with tempfile.TemporaryDirectory(prefix="pam-totp-package-") as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def archive(work):
    make_archive(work / "debian.tar.gz")
    return work / "debian.tar.gz"


@pytest.fixture(scope="session")
def builder(work, archive):
    builder = Builder(work / "builder", archive)
    yield builder
    builder.remove()


@pytest.fixture(scope="session")
def packages(builder):
    """The directory that dpkg-buildpackage has put everything into."""
    builder.make_source_package()
    builder.make_packages()
    return builder.packages


@pytest.fixture
def debian(work, archive):
    debian = FreshDebian(work / "debian", archive)
    yield debian
    debian.remove()
