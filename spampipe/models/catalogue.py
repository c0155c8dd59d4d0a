"""The base models that can be fine-tuned, by name, and the families that repositories of the hub can be of."""

from spampipe.models.architectures import BaseModel
from spampipe.models.families import bert, gpt2, llama, qwen2
from spampipe.models.hub_config import HubFamily
from spampipe.models.hub_names import HubRepository

BASE_MODELS: dict[str, BaseModel] = gpt2.MODELS | llama.MODELS | bert.MODELS
HUB_FAMILIES: dict[str, HubFamily] = {  # by `model_type` of config.json
    "bert": bert.HUB,
    "gpt2": gpt2.HUB,
    "llama": llama.HUB,
    "qwen2": qwen2.HUB,
}
HUB_MODELS: dict[str, HubRepository] = {  # short names of commits, which are known from public records
    "smollm2-360m": HubRepository("HuggingFaceTB/SmolLM2-360M", "f8027fd0eaeea54caa13c31d31b9fdc459c38b49"),
    "smollm2-1.7b": HubRepository("HuggingFaceTB/SmolLM2-1.7B", "effd688a12921b4cc83e3312b6feb579f70f9c71"),
}
