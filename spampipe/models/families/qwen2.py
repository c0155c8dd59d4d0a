"""Qwen2's architecture, from the hub: Llama's, with biases on queries, keys and values.

Yang et al. 2024, "Qwen2 Technical Report".
"""

from spampipe.models.architectures import DecoderConfig
from spampipe.models.families import llama
from spampipe.models.hub_config import HubConfig, HubFamily
from spampipe.models.hub_rotary import rotary_decoder


def _shape(config: HubConfig) -> DecoderConfig:
    return rotary_decoder(config, qkv_biases=True)


HUB = HubFamily(_shape, llama.HUB.place, llama.HUB.build)
