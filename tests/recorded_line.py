"""The whole pipeline in memory after a replay of a recorded log by the gateway's own reader."""

import json
from collections import Counter
from functools import cache
from pathlib import Path

from gateway_lab import replayed
from inmemory_pipeline import InMemoryPipeline

from schemas.codec import decode
from schemas.events.asset import Asset
from schemas.registry import ASSET
from services.gateway.draft import Draft
from services.gateway.feeds import log_feeds
from services.gateway.source_spec import LogSpec


@cache
def pipeline(path: Path) -> InMemoryPipeline:
    """The whole pipeline after a replay of a log by the gateway's own reader."""
    drafts = [i for i in replayed(*log_feeds(LogSpec(paths=[path]))) if isinstance(i, Draft)]
    sequences: Counter[str | None] = Counter()
    line = InMemoryPipeline()
    for draft in drafts:
        sequences[draft.asset] += 1
        identity = {} if draft.asset is None else {"source": draft.source, "asset": draft.asset, "sequence": sequences[draft.asset]}
        value = json.dumps({**draft.body, **identity}).encode()
        if draft.topic is ASSET:
            ((_, asset),) = decode(ASSET, [value]).events
            assert isinstance(asset, Asset)
            line.references[asset.asset] = asset
        else:
            line.send_raw(draft.topic, value)
    line.run()
    return line
