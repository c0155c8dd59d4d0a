"""An encoder of BERT's kind (Devlin et al. 2019, "BERT"), written to be read.

Shapes in this module: B sequences, T tokens each, C = hidden_size.
"""

import torch
from torch import Tensor, nn

from spampipe.models.architectures import EncoderConfig
from spampipe.models.attention import Attention, Rotation, take
from spampipe.models.backbone import Backbone
from spampipe.models.decoder import GeluMlp
from spampipe.models.layers import Embedding


class Encoder(Backbone):
    """Token ids in, hidden states out. Each block ends with a norm, so that there is none behind the last.

    Args:
        config: the shape.
        dropout: the share of values that training sets to 0 after the embedding, in attention and after sub-layers.
    """

    norms_first = False
    config: EncoderConfig

    def __init__(self, config: EncoderConfig, dropout: float = 0.0) -> None:
        super().__init__(config)
        self.token_embedding = Embedding(config.vocabulary_size, config.hidden_size)
        self.position_embedding = Embedding(config.context_length, config.hidden_size)
        self.token_type_embedding = Embedding(config.token_types, config.hidden_size)
        self.embedding_norm = nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(EncoderBlock(config, dropout) for _ in range(config.num_layers))
        self.final_norm = nn.Identity()

    def embed(self, input_ids: Tensor) -> Tensor:
        """As in Backbone; all tokens are of type 0, as in a single text.

        Args:
            input_ids: (B, T) token ids.
        """
        hidden_states = self.token_embedding(input_ids) + self.token_type_embedding.weight[0]
        hidden_states = hidden_states + self.position_embedding.weight[: input_ids.shape[1]]
        return self.dropout(self.embedding_norm(hidden_states))

    def embeddings(self) -> list[nn.Module]:
        """As in Backbone."""
        return [*super().embeddings(), self.embedding_norm]


class EncoderBlock(nn.Module):
    """One transformer block: attention, then an MLP, each added to the residual stream, which is then normalized.

    Args:
        config: the encoder's shape.
        dropout: as in Encoder.
    """

    def __init__(self, config: EncoderConfig, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(config, dropout)
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)
        self.mlp = GeluMlp(config, approximate="none")
        self.mlp_norm = nn.LayerNorm(config.hidden_size, eps=config.norm_epsilon)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        hidden_states: Tensor,
        rotation: Rotation | None,
        causal: bool,
        real: Tensor | None = None,
        chosen: Tensor | None = None,
    ) -> Tensor:
        """Transform the residual stream; arguments and result are those of Backbone.run_block."""
        attended = self.attention(hidden_states, rotation, causal, real, chosen)
        if chosen is not None:
            hidden_states = take(hidden_states, chosen)
        hidden_states = self.attention_norm(hidden_states + self.dropout(attended))
        return self.mlp_norm(hidden_states + self.dropout(self.mlp(hidden_states)))


def empty_encoder(config: EncoderConfig, dropout: float = 0.0) -> Encoder:
    """An encoder without memory behind its tensors, to be filled by `load_state_dict(..., assign=True)`.

    Args:
        config: the shape.
        dropout: as in Encoder.
    """
    with torch.device("meta"):
        return Encoder(config, dropout)
