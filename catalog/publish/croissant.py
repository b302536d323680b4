"""The metadata of a release for machines: Croissant 1.1 with its RAI and PROV terms, and a JSON Schema for each view.

https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html,
https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from schemas.contract import Column, Contract
from schemas.recipe.recipe import Recipe

CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
CONTEXT: dict[str, Any] = {
    "@language": "en", "@vocab": "https://schema.org/", "arrayShape": "cr:arrayShape", "citeAs": "cr:citeAs", "column": "cr:column",
    "conformsTo": "dct:conformsTo", "containedIn": "cr:containedIn", "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"}, "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/", "examples": {"@id": "cr:examples", "@type": "@json"}, "extract": "cr:extract",
    "field": "cr:field", "fileObject": "cr:fileObject", "fileProperty": "cr:fileProperty", "fileSet": "cr:fileSet",
    "format": "cr:format", "includes": "cr:includes", "isArray": "cr:isArray", "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath", "key": "cr:key", "md5": "cr:md5", "parentField": "cr:parentField", "path": "cr:path",
    "prov": "http://www.w3.org/ns/prov#", "rai": "http://mlcommons.org/croissant/RAI/", "recordSet": "cr:recordSet",
    "references": "cr:references", "regex": "cr:regex", "repeated": "cr:repeated", "replace": "cr:replace",
    "sc": "https://schema.org/", "separator": "cr:separator", "source": "cr:source", "subField": "cr:subField",
    "transform": "cr:transform",
}  # fmt: skip
TYPES = {"string": "sc:Text", "integer": "sc:Integer", "number": "sc:Float", "boolean": "sc:Boolean"}
PROTOCOL = "Labels were made by programs and models, as the recipe says; no person labelled the rows."
PARQUET = "application/x-parquet"
Files = Sequence[Mapping[str, Any]]


def render_croissant(
    recipe: Recipe, views: Mapping[str, Contract], files: Files, funnel: Files, lineage: Files, labels: Files = ()
) -> dict[str, Any]:
    """A release as Croissant describes it; each view and split is a record set.

    Args:
        recipe: What the corpus says of itself.
        views: The contract of each view.
        files: The files of the release, with checksums.
        funnel: For each table the rows that came in, were kept and were rejected.
        lineage: What each table is made from.
        labels: What was measured of the tables of labels, as the card shows it.

    Returns:
        JSON-LD.

    """
    data = [file for file in files if file.get("split")]
    splits = dict.fromkeys((str(file["view"]), str(file["split"])) for file in data)
    shards = {key: [file for file in data if (file["view"], file["split"]) == key] for key in splits}
    sets = [_file_set(view, split, files) for (view, split), files in shards.items() if len(files) > 1]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": recipe.corpus,
        "description": recipe.description.strip() or recipe.title,
        "citeAs": f"{recipe.title}: {recipe.corpus} {recipe.version}",
        "license": recipe.license,
        "version": recipe.version,
        **({"inLanguage": list(recipe.languages)} if recipe.languages else {}),
        "url": f"corpus://{recipe.corpus}@{recipe.version}",
        "keywords": ["reasoning-mistakes", "errata"],
        "distribution": [*map(_file, data), *sets],
        "recordSet": [_record_set(view, split, views[view], result) for (view, split), result in shards.items()],
        **_responsible(recipe, funnel, lineage, labels),
        **_provenance(recipe, lineage),
    }


def _file(file: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject", "@id": file["path"], "name": file["path"], "contentUrl": file["path"],
        "contentSize": f"{file['bytes']} B", "encodingFormat": PARQUET, "sha256": file["sha256"],
    }  # fmt: skip


def _file_set(view: str, split: str, files: Files) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet", "@id": f"{view}/{split}-files", "name": f"{view}/{split}-files", "encodingFormat": PARQUET,
        "containedIn": [{"@id": file["path"]} for file in files], "includes": f"{view}/{split}-*.parquet",
    }  # fmt: skip


def _record_set(view: str, split: str, contract: Contract, files: Files) -> dict[str, Any]:
    name = f"{view}/{split}"
    source = {"fileObject": {"@id": files[0]["path"]}} if len(files) == 1 else {"fileSet": {"@id": f"{name}-files"}}
    return {
        "@type": "cr:RecordSet", "@id": name, "name": name, "description": contract.meaning,
        "key": {"@id": f"{name}/{quote(contract.key)}"},
        "field": [_field(f"{name}/{quote(column.name)}", column, source) for column in contract.columns],
    }  # fmt: skip


def _field(id: str, column: Column, source: Mapping[str, Any]) -> dict[str, Any]:
    kind = column.kind.removesuffix("s") if column.kind != "boolean" else "boolean"
    field: dict[str, Any] = {
        "@type": "cr:Field", "@id": id, "name": id, "description": column.meaning, "dataType": TYPES.get(kind, "sc:Text"),
        "source": {**source, "extract": {"column": column.name}},
    }  # fmt: skip
    if column.kind.endswith("s"):
        field |= {"isArray": True, "arrayShape": "-1"}
    return field


def _responsible(recipe: Recipe, funnel: Files, lineage: Files, labels: Files) -> dict[str, Any]:
    """The RAI terms, of what is known: where rows come from, who labelled them, what was left out."""
    models = sorted({name for each in lineage for name in each["inputs"] if str(name).startswith("model ")})
    sources = ", ".join(source.name for source in recipe.sources) or "problems made by the recipe itself"
    rejected = {f"{entry['table']}: {reason}": n for entry in funnel for reason, n in entry["reasons"].items()}
    order = sorted(rejected.items(), key=lambda item: (-item[1], item[0]))
    sentence = "; ".join(f"{reason} {n:,}" for reason, n in order[:20])
    return {
        "rai:dataCollection": f"Solutions that language models wrote to problems of: {sources}.",
        "rai:dataCollectionType": ["Experiments"],
        "rai:dataAnnotationProtocol": " ".join([PROTOCOL, *map(_measured, labels), recipe.quality.strip()]).strip(),
        "rai:machineAnnotationTools": [f"Errata: {table['task']} ({table['table']})" for table in lineage]
        + [name.removeprefix("model ").strip() for name in models],
        "rai:dataLimitations": f"Rows that could not be judged were left out, and counted: {sentence or 'none'}.",
        "rai:dataBiases": "The mistakes are those of the models named here on the problems named here, and of no others; wrong solutions whose answer could not be read are missing.",
        "rai:personalSensitiveInformation": "None is collected; problems and solutions may contain invented names.",
    }


def _measured(entry: Mapping[str, Any]) -> str:
    """What was measured of a table of labels."""
    by = f"{entry['table']} (by {', '.join(filter(None, [entry['task'], entry.get('how')]))})"
    sentence = f"{by}: {entry['labelled']:,} of {entry['rows']:,} solutions have a label of the first wrong step"
    if "exact" in entry:
        low, high = entry["interval"]
        sentence += f", {entry['exact']:,} of the {entry['named']:,} that name a step name the true one (95 %: {100 * low:.1f}-{100 * high:.1f} %)"
    return f"{sentence}."


def _provenance(recipe: Recipe, lineage: Files) -> dict[str, Any]:
    """The PROV terms: the sources with their licences, and the build's tables with their fingerprints; an id is an IRI, in which no blank stands."""
    sources = [
        {"@type": "prov:Entity", "@id": f"source:{quote(entry.name)}", "prov:label": entry.name, "license": entry.license,
         **({"prov:atLocation": entry.url} if entry.url else {})}
        for entry in recipe.sources
    ]  # fmt: skip
    steps = [
        {"@type": "prov:Activity", "@id": f"table:{quote(each['table'])}", "prov:label": f"{each['task']} {each['fingerprint']}",
         "prov:used": [str(name) for name in each["inputs"]]}
        for each in lineage
    ]  # fmt: skip
    return {"prov:wasDerivedFrom": sources, "prov:wasGeneratedBy": steps}


def build_json_schema(name: str, contract: Contract) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a view's rows, as `errata load` writes them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "description": contract.meaning,
        **_object(contract.columns),
    }


def _object(columns: Sequence[Column]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {column.name: _property(column) for column in columns},
        "required": [column.name for column in columns],
        "additionalProperties": False,
    }


def _property(column: Column) -> dict[str, Any]:
    """One column: type, limits, null or not."""
    if column.kind in ("record", "records"):
        kind = _object(column.fields)
    else:
        name = column.kind.removesuffix("s")
        kind = {"type": [name, "null"] if column.kind in ("integers", "numbers") else name}
    if column.kind.endswith("s"):
        schema: dict[str, Any] = {"type": "array", "items": kind}
        if column.at_least is not None and column.kind not in ("integers", "numbers"):
            schema["minItems"] = int(column.at_least)
    else:
        limits = {"minimum": column.at_least, "maximum": column.at_most}
        schema = kind | {name: limit for name, limit in limits.items() if limit is not None}
        if column.one_of:
            schema["enum"] = list(column.one_of)
        if column.pattern:
            schema["pattern"] = f"^(?:{column.pattern})$"
    schema = schema if not column.nullable else {"anyOf": [schema, {"type": "null"}]}
    return {"description": column.meaning, **schema}
