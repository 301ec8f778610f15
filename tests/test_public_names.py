"""The public names: pinned, read twice in any order, and nothing heavy loaded by importing the package."""

from __future__ import annotations

import pkgutil
import random
import subprocess
import sys

import pytest

import speech_ifeval


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_names_are_sorted_and_each_has_a_home() -> None:
    assert speech_ifeval.__all__ == sorted(speech_ifeval.__all__)
    assert set(speech_ifeval.__all__) == set(speech_ifeval._HOMES) == set(dir(speech_ifeval))


@pytest.mark.parametrize("seed", range(4))
def test_every_name_read_twice_in_any_order_is_the_same_object(seed: int) -> None:
    # A module that bears a public function's name would replace it once it is imported.
    order = [*speech_ifeval.__all__, *speech_ifeval.__all__]
    random.Random(seed).shuffle(order)
    code = f"""
import types, speech_ifeval as sif
seen = {{}}
for name in {order!r}:
    value = getattr(sif, name)
    assert not isinstance(value, types.ModuleType), name
    assert seen.setdefault(name, value) is value, name
print(len(seen))
"""
    assert run(code).strip() == str(len(speech_ifeval.__all__))


def test_no_module_bears_a_public_functions_name() -> None:
    modules = {module.name for module in pkgutil.walk_packages(speech_ifeval.__path__, "speech_ifeval.")}
    names = speech_ifeval._HOMES.items()
    assert not modules & {f"speech_ifeval.{name}" for name, _ in names}
    assert not modules & {f"speech_ifeval.{home}.{name}" for name, home in names}


@pytest.mark.parametrize("name", speech_ifeval.__all__)
def test_every_public_name_explains_itself_with_an_example(name: str) -> None:
    documented = getattr(speech_ifeval, name).__doc__ or ""
    assert ">>> " in documented, f"{name} has no example that runs"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        speech_ifeval.scores  # noqa: B018


HEAVY = {"numpy", "rich", "typer", "msgspec", "langdetect", "scipy", "torch", "transformers"}


def loaded_by(statement: str) -> set[str]:
    names = run(f"import sys; {statement}; print(' '.join(sys.modules))").split()
    return {name.partition(".")[0] for name in names} & HEAVY


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import speech_ifeval") == set()


def test_a_verifier_loads_the_standard_library_only() -> None:
    assert loaded_by("import speech_ifeval; speech_ifeval.compile('startend:quotation')") == set()


def test_the_command_line_loads_only_its_parser() -> None:
    assert loaded_by("import speech_ifeval.cli") <= {"typer", "rich"}
