"""Every public name is listed, exists and is documented as numpydoc wants."""

import importlib
import inspect
import pkgutil

import pytest
from numpydoc.validate import validate

import emirimg

CHECKS = {
    "GL03": "no two blank lines in a row",
    "GL06": "only known sections",
    "GL07": "sections in the usual order",
    "GL08": "there is a docstring",
    "SS01": "there is a summary",
    "SS02": "the summary starts with a capital letter",
    "SS03": "the summary ends with a period",
    "SS04": "the summary has no leading spaces",
    "SS05": "the summary starts with an infinitive, not with a third person",
    "PR02": "no unknown parameters",
    "PR10": "a space before the colon of a parameter",
}
"""The checks of numpydoc that are made. Not made are those that ask for
sections or types where the signature says it all (short methods, inherited
parameters, See Also, Examples), those about periods in descriptions, and GL01:
one-line docstrings start on the line of the quotes, as PEP 257 has it."""


def public_modules():
    found = (module.name for module in pkgutil.walk_packages(emirimg.__path__, "emirimg."))
    return ["emirimg", *(name for name in found if "._" not in name)]


def public_objects(module_name):
    """Yield (qualified name, object) of what a module defines and lists."""
    module = importlib.import_module(module_name)
    for name in getattr(module, "__all__", ()):
        thing = getattr(module, name)
        if getattr(thing, "__module__", None) != module_name:
            continue
        if inspect.isclass(thing) or inspect.isfunction(thing):
            yield f"{module_name}.{name}", thing
        if inspect.isclass(thing):
            for attribute, member in vars(thing).items():
                if not attribute.startswith("_") and (
                    isinstance(member, property | classmethod | staticmethod)
                    or inspect.isfunction(member)
                ):
                    yield f"{module_name}.{name}.{attribute}", member


MODULES = public_modules()


@pytest.mark.parametrize("name", MODULES)
def test_module_lists_its_names(name):
    module = importlib.import_module(name)
    assert module.__doc__
    if module.__file__.endswith("__init__.py") and name != "emirimg":
        return  # it re-exports what its modules list
    assert len(set(module.__all__)) == len(module.__all__)
    missing = [item for item in module.__all__ if not hasattr(module, item)]
    assert not missing


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    problems = []
    for qualified_name, _ in public_objects(name):
        for code, text in validate(qualified_name)["errors"]:
            if code in CHECKS and "{'**" not in text:  # extra fields of a model
                problems.append(f"{qualified_name}: {code} {text}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", MODULES)
def test_signatures_are_typed(name):
    untyped = []
    for qualified_name, thing in public_objects(name):
        function = getattr(thing, "__func__", getattr(thing, "fget", thing))
        if not inspect.isfunction(function):
            continue
        signature = inspect.signature(function)
        untyped += [
            f"{qualified_name}({parameter.name})"
            for parameter in signature.parameters.values()
            if parameter.annotation is parameter.empty and parameter.name not in ("self", "cls")
        ]
        if signature.return_annotation is signature.empty:
            untyped.append(f"{qualified_name} -> ?")
    assert not untyped


def documented_classes_and_functions():
    """Yield (qualified name, object) of what the reference documents."""
    for module in pkgutil.iter_modules(emirimg.__path__, "emirimg."):
        if "._" in module.name or module.name == "emirimg.cli":
            continue
        namespace = importlib.import_module(module.name)
        names = getattr(namespace, "__all__", [n for n in vars(namespace) if n[0] != "_"])
        for name in names:
            thing = getattr(namespace, name)
            if getattr(thing, "__module__", "").startswith("emirimg") and (
                inspect.isclass(thing) or inspect.isfunction(thing)
            ):
                yield f"{module.name}.{name}", thing
    yield "emirimg.Strategy", emirimg.Strategy


DOCUMENTED = dict(documented_classes_and_functions())


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples(name):
    """A class or function has an example; a method has one, or its class shows it."""
    thing = DOCUMENTED[name]
    text = inspect.cleandoc(thing.__doc__)
    example = text.partition("Examples\n--------\n")[2]
    assert ">>> " in example
    if not inspect.isclass(thing):
        return
    not_shown = [
        member
        for member, function in vars(thing).items()
        if not member.startswith("_")
        and (isinstance(function, classmethod | staticmethod) or inspect.isfunction(function))
        and f".{member}(" not in example
        and ">>> " not in (function.__doc__ or "")
    ]
    assert not not_shown


def test_names_of_the_package_are_those_of_its_parts():
    dither = importlib.import_module("emirimg.dither")
    assert emirimg.DitherReducer is dither.DitherReducer
    assert emirimg.EmirimgError is importlib.import_module("emirimg.exceptions").EmirimgError
    assert set(emirimg.__all__) <= set(dir(emirimg))


def test_unknown_name_of_the_package():
    with pytest.raises(AttributeError, match="No emirimg attribute DitherReducr"):
        emirimg.DitherReducr  # noqa: B018
