"""CloudFormation templates: parameters, conditions, intrinsic functions, the order of resources."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any, TypeGuard, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]
NO_VALUE = object()
_SUBSTITUTION = re.compile(r"\$\{(!?)([^}]+)\}")


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def is_object(value: Any) -> TypeGuard[Json]:
    return isinstance(value, dict)


class TemplateError(Exception):
    """A template holds what CloudFormation would refuse, or what the rehearsal does not know."""


class Template:
    """A template with its parameters filled in."""

    def __init__(self, body: Json, *, parameters: dict[str, str], pseudo: dict[str, str]) -> None:
        declared = cast("dict[str, Json]", body.get("Parameters", {}))
        unknown = parameters.keys() - declared.keys()
        if unknown:
            raise TemplateError(f"parameters {sorted(unknown)} do not exist in the template")
        defaults = {name: value["Default"] for name, value in declared.items() if "Default" in value}
        missing = declared.keys() - defaults.keys() - parameters.keys()
        if missing:
            raise TemplateError(f"parameters {sorted(missing)} must have values")
        self._values: dict[str, Any] = pseudo | {"AWS::NoValue": NO_VALUE} | defaults | parameters
        self._conditions: Json = body.get("Conditions", {})
        self.outputs: dict[str, Json] = {
            name: output for name, output in body.get("Outputs", {}).items() if self._holds(output)
        }
        self.resources: dict[str, Json] = {
            name: resource for name, resource in body["Resources"].items() if self._holds(resource)
        }

    def order(self) -> list[str]:
        """Logical ids, each after all that it refers to or depends on."""
        graph: dict[str, set[str]] = {}
        for name, resource in self.resources.items():
            depends = resource.get("DependsOn", [])
            named = {depends} if isinstance(depends, str) else set(cast("list[str]", depends))
            referred = set(_references(resource.get("Properties", {})))
            graph[name] = (named | referred) & self.resources.keys()
        return list(TopologicalSorter(graph).static_order())

    def resolve(self, value: Any, ref: Callable[[str], Any], get_att: Callable[[str, str], Any]) -> Any:
        """The value with every intrinsic function worked out."""

        def resolve(node: Any) -> Any:
            if is_list(node):
                return [item for item in map(resolve, node) if item is not NO_VALUE]
            if not is_object(node):
                return node
            if len(node) == 1:
                [(name, argument)] = node.items()
                if name == "Ref":
                    return self._values[argument] if argument in self._values else ref(argument)
                if name.startswith("Fn::"):
                    return self._function(name, argument, resolve, ref, get_att)
            entries = ((key, resolve(item)) for key, item in node.items())
            return {key: item for key, item in entries if item is not NO_VALUE}

        return resolve(value)

    def _function(
        self,
        name: str,
        argument: Any,
        resolve: Callable[[Any], Any],
        ref: Callable[[str], Any],
        get_att: Callable[[str, str], Any],
    ) -> Any:
        match name:
            case "Fn::GetAtt":
                logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                result = get_att(logical_id, attribute)
            case "Fn::If":
                condition, then, otherwise = argument
                result = resolve(then if self._condition(condition) else otherwise)
            case "Fn::Sub":
                text: str = argument if isinstance(argument, str) else argument[0]
                local: Json = {} if isinstance(argument, str) else argument[1]
                result = self._substitute(text, resolve(local), ref, get_att)
            case "Fn::Join":
                separator, parts = resolve(argument)
                result = separator.join(parts)
            case "Fn::Select":
                index, items = resolve(argument)
                result = items[int(index)]
            case "Fn::Split":
                separator, whole = resolve(argument)
                result = whole.split(separator)
            case _:
                raise TemplateError(f"{name} is not known to tests/rehearsal/templates.py")
        return result

    def _substitute(self, text: str, local: Json, ref: Callable[[str], Any], get_att: Callable[[str, str], Any]) -> str:
        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in local:
                return str(local[name])
            if name in self._values:
                return str(self._values[name])
            return str(get_att(*name.split(".", 1)) if "." in name else ref(name))

        return _SUBSTITUTION.sub(value, text)

    def _holds(self, element: Json) -> bool:
        return "Condition" not in element or self._condition(element["Condition"])

    def _condition(self, name: str) -> bool:
        return self._test(self._conditions[name])

    def _test(self, test: Any) -> bool:
        [(name, argument)] = test.items()
        match name:
            case "Condition":
                return self._condition(argument)
            case "Fn::Equals":
                left, right = self.resolve(argument, self._no_resource, self._no_resource)
                return str(left) == str(right)
            case "Fn::And":
                return all(self._test(part) for part in argument)
            case "Fn::Or":
                return any(self._test(part) for part in argument)
            case "Fn::Not":
                return not self._test(argument[0])
            case _:
                raise TemplateError(f"{name} is not a condition")

    @staticmethod
    def _no_resource(*name: str) -> Any:
        raise TemplateError(f"a condition refers to {'.'.join(name)}, which is not a parameter")


def _references(value: Any) -> Iterator[str]:
    """Yield the names that a value refers to: of resources, parameters and whatever else."""
    if is_list(value):
        for item in value:
            yield from _references(item)
    elif is_object(value):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item.split(".")[0] if isinstance(item, str) else item[0]
            elif key == "Fn::Sub" and isinstance(item, str):
                yield from _names_in(item)
            elif key == "Fn::Sub":
                yield from _names_in(item[0])
                yield from _references(item[1])
            else:
                yield from _references(item)


def _names_in(text: str) -> Iterator[str]:
    for literal, name in _SUBSTITUTION.findall(text):
        if not literal:
            yield name.split(".")[0]
