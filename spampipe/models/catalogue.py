"""The base models that can be fine-tuned, by name."""

from spampipe.models.architectures import BaseModel
from spampipe.models.families import bert, gpt2, llama

BASE_MODELS: dict[str, BaseModel] = gpt2.MODELS | llama.MODELS | bert.MODELS
