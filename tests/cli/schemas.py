"""What `--json` prints, by command: every key and its type, nothing more and nothing less."""

from collections.abc import Sequence
from dataclasses import fields
from types import GenericAlias
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from zoo.recipes import DetectionRecipe, Recipe, ScoreRecipe


def shape(**fields: Any) -> type[msgspec.Struct]:
    """A type of objects with exactly these keys; one whose type has `UnsetType` may be missing."""
    named = [
        (name, kind, UNSET) if UnsetType in getattr(kind, "__args__", ()) else (name, kind)
        for name, kind in fields.items()
    ]
    kinds: Sequence[Any] = sorted(named, key=len)
    return msgspec.defstruct("Object", kinds, forbid_unknown_fields=True)


def result(**fields: Any) -> type[msgspec.Struct]:
    """What a command prints: these keys, beside the version of the schema."""
    return shape(schema_version=Literal[1], **fields)


def many(kind: Any) -> Any:
    """The type of lists of a kind."""
    return GenericAlias(list, (kind,))


def named(kind: Any) -> Any:
    """The type of objects whose values are of a kind, under any key."""
    return GenericAlias(dict, (str, kind))


def keys_of(recipe: type) -> dict[str, Any]:
    """The keys of a recipe; `tests/recipes` holds their values to their types."""
    return {field.name: Any for field in fields(recipe)}


Numbers = dict[str, float]
FILE = shape(name=str, size=int, sha256=str)
TUNED = shape(plan=str, recall=float, qps=float, latency_ms=float, memory_bytes=int, build_s=float)
CANDIDATE = shape(kind=str, memory_bytes=int, disk_bytes=int, training_vectors=int, build_s=float)
HIT = shape(
    id=int,
    rank=int,
    path=str,
    score=float,
    label=str | UnsetType,
    caption=str | UnsetType,
    similarity=float | UnsetType,
    split=str | UnsetType,
)
VOTE = shape(level=str, label=str, confidence=float, support=int)
SPLIT = shape(
    split=str,
    images=int,
    classes=int,
    smallest_class=str,
    smallest=int,
    captions=int,
    boxes=int,
)
CARD = {
    "name": str,
    "status": str,
    "task": str,
    "license": str,
    "source": str,
    "architecture": str | None,
    "recipe": str | None,
    "loss": str | None,
    "datasets": list[str],
    "bytes": int | None,
    "headline": str | None,
}
MEASURED = {
    "model": str,
    "protocol": str,
    "definition": str,
    "metrics": Numbers,
    "queries": int,
    "gallery": int,
    "queries_without_positives": int,
    "options": dict[str, str],
    "intervals": named(shape(mean=float, low=float, high=float)) | UnsetType,
}
RESULT = shape(
    dataset=str,
    metric=str,
    value=float,
    protocol=str,
    provenance=str,
    command=str,
    seed=int,
    date=str,
)
INDEX = {"index": str, "count": int, "dim": int, "kind": str, "model": str}
COMPARED = shape(
    metric=str,
    a=float,
    b=float,
    difference=float,
    low=float,
    high=float,
    p_value=float,
    verdict=str,
)
EVENT = shape(
    event=str,
    time=str,
    version=str,
    added=int | UnsetType,
    changed=int | UnsetType,
    kept=int | UnsetType,
    embedded=int | UnsetType,
)
SIZES = shape(
    items=int,
    embedding_h=float,
    assignment_h=float,
    cells=int,
    list=int,
    codes_a_query=int,
    memory_gb_a_shard=float,
    p50_ms=float,
    p99_ms=float,
)
SCHEMAS = {
    "list": result(cards=many(shape(**CARD, available=str))),
    "show": result(
        **CARD,
        files=many(FILE),
        results=many(RESULT),
        text=str,
        usage=list[str],
        pinned=str | None,
    ),
    "data check": result(
        ok=bool,
        path=str,
        layout=str,
        splits=many(SPLIT),
        levels=dict[str, int],
        sizes=shape(shortest=int, median_width=int, median_height=int, longest=int),
        duplicates=list[dict[str, Any]],
        left_out=list[dict[str, Any]],
        crossings=list[dict[str, Any]],
        bad_boxes=int,
        examples=dict[str, list[str]],
    ),
    "doctor": result(
        ok=bool,
        checks=many(shape(name=str, state=str, found=str, advice=str)),
    ),
    "push --dry-run": result(
        repo=str,
        url=str,
        revision=str,
        private=bool,
        files=many(shape(name=str, size=int)),
    ),
    "eval": result(
        **MEASURED,
        unrefined=Numbers | UnsetType,
        models=many(shape(**MEASURED)) | UnsetType,
        comparison=many(COMPARED) | UnsetType,
        report=str | UnsetType,
    ),
    "compare --dry-run": result(
        out=str,
        contenders=list[str],
        claims=list[str],
        search=str,
        tuning_runs=int,
        final_runs=int,
        tuning_steps=int,
        steps=int,
        learning_rates=list[float],
        seeds=int,
        seconds_per_step=float,
        seconds_per_final_run=float,
        tuning_hours=float,
        final_hours=float,
        hours=float,
    ),
    "index info": result(
        count=int,
        dim=int,
        whitened=bool,
        kind=str,
        plan=str,
        modality=str,
        model=str,
        weights_sha256=str,
        root=str,
        levels=list[str],
        columns=list[str],
        generation=int,
        segments=int,
        removed=int,
        bytes=int,
        tuning=many(TUNED),
        history=many(EVENT),
        ok=bool,
    ),
    "convert": result(
        folder=str,
        format=str,
        architecture=str,
        pooling=str,
        layer_norm=str,
        dim=int | None,
        kept=dict[str, str],
        dropped=dict[str, str],
    ),
    "bench evaluation": result(
        similarities_seconds=float,
        cpu_similarities_seconds=float,
        seconds=float,
        cpu_seconds=float,
        peak_memory_gb=float | None,
        recall_at_1=float,
        recall_at_5=float,
        recall_at_10=float,
        map_at_r=float,
        r_precision=float,
        mean_average_precision=float,
        mean_reciprocal_rank=float,
        median_rank=float,
    ),
    "bench index": result(
        count=int,
        dim=int,
        seed=int,
        chosen=str,
        tuner=many(TUNED),
        by_hand=many(TUNED),
        best_by_hand=str,
        ratio_by_hand=float,
    ),
    "bench serve": result(
        count=int,
        dim=int,
        architecture=str,
        kind=str,
        k=int,
        seed=int,
        bare=many(shape(batch=int, queries_per_s=float)),
        served=many(
            shape(
                batch=int,
                concurrency=int,
                requests=int,
                errors=int,
                requests_per_s=float,
                p50_ms=float,
                p99_ms=float,
                mean_batch=float,
                share_of_bare=float,
            )
        ),
        browsing=many(shape(what=str, times=int, p50_ms=float, p99_ms=float)),
        opening=many(Numbers),
    ),
    "bench batches": result(
        rows=many(
            shape(
                batch=int,
                one_pass_seconds=float,
                one_pass_extra_mb=float | None,
                two_pass_seconds=float,
                two_pass_extra_mb=float | None,
                times=float,
            )
        )
    ),
    "bench losses": result(
        losses=many(
            shape(
                loss=str,
                value=float,
                eager_seconds=float,
                eager_ratio=float,
                eager_extra_mb=float | None,
                compiled_seconds=float | UnsetType,  # where there is a compiler
                compiled_ratio=float | UnsetType,
                compiled_extra_mb=float | None | UnsetType,
            )
        ),
        rivals=many(
            shape(
                rival=str,
                n=int,
                seconds=float,
                our_seconds=float,
                times_faster=float,
                mb=float | None,
                our_mb=float | None,
                value=float,
                our_value=float,
            )
        ),
    ),
    "bench detectors": result(
        rows=many(
            shape(
                recipe=str,
                seeds=int,
                ap=float,
                ap_deviation=float,
                ap_50=float,
                ap_50_deviation=float,
                step_seconds=float,
            )
        )
    ),
    "bench embedding": result(
        rows=many(
            shape(form=str, images_per_s=float, times=float, start_s=float, cosine_lost=float)
        )
    ),
    "bench sorters": result(rows=list[dict[str, str | float]]),
    "bench detection": result(
        rows=many(
            shape(
                loss=str,
                loop_seconds=float,
                seconds=float,
                ratio=float,
                value_difference=float,
                gradient_difference=float,
            )
        )
    ),
    "bench scale": result(
        count=int,
        dim=int,
        kind=str,
        shards=int,
        check=many(shape(what=str, predicted_ms=float, measured_ms=float)),
        sizes=many(SIZES),
    ),
    "bench training": result(
        architecture=str,
        size=int,
        workers=int,
        decode_per_s=float,
        network_per_s=float,
        training_per_s=float,
        share=float,
    ),
    "download --dry-run": result(path=str, revision=str, files=many(FILE)),
    "data split": result(manifest=str, images=dict[str, int], by=str, seed=int),
    "train": result(run=str, before=Numbers, metrics=Numbers, measured_on=str, seconds=float),
    "train --show-config": result(**keys_of(Recipe)),
    "train --detector --show-config": result(**keys_of(DetectionRecipe)),
    "train --task --dry-run": result(
        run=str,
        read=str,
        training_images=int,
        evaluation_images=int,
        value=str,
        lowest=float,
        mean=float,
        highest=float,
        **keys_of(ScoreRecipe),
    ),
    "train --dry-run": result(
        run=str,
        recipe=str,
        backbone=str,
        training_images=int,
        training_classes=int,
        evaluation_images=int,
        batch=int,
        images_at_once=int,
        steps_per_epoch=int,
        steps=int,
    ),
    "card new": result(card=str),
    "card check": result(checked=list[str]),
    "export": result(
        file=str,
        format=str,
        precision=str,
        size=int,
        sha256=str,
        largest_difference=float,
        recall_at_1=Numbers,
        beside=dict[str, Any],
    ),
    "embed": result(out=str, shards=int, done=int, kept=int),
    "index assemble": result(**INDEX),
    "index merge": result(**INDEX),
    "index build": result(**INDEX, tuning=many(TUNED)),
    "index build --dry-run": result(
        count=int,
        embed_s=float,
        seconds=float,
        candidates=many(CANDIDATE),
    ),
    "index add": result(added=int, changed=int, kept=int, embedded=int, count=int),
    "index verify": result(count=int, dim=int, kind=str, model=str, bytes=int, ok=bool),
    "index duplicates": result(threshold=float, groups=many(many(HIT))),
    "index map": result(map=str, bytes=int),
    "index export": result(out=str, format=str, count=int, files=list[str]),
    "index remove": result(removed=int, count=int),
    "index compact": result(count=int, bytes_before=int, bytes=int),
    "index relocate": result(root=str, count=int, missing=int, outside=int),
    "search": result(results=many(shape(query=str, hits=many(HIT), votes=many(VOTE) | UnsetType))),
}
