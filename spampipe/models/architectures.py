"""What a base model is: its shape, published files, and what its family knows of them. No torch here."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from spampipe.data.tokenizer import Tokenizer
from spampipe.downloads.fetch import Pin
from spampipe.models.rotary_scaling import RotaryScaling

if TYPE_CHECKING:
    from spampipe.models.backbone import Backbone
    from spampipe.models.weights import State

Weights = Literal["pretrained", "random"]


@dataclass(frozen=True)
class DecoderConfig:
    """The shape of a decoder-only transformer; every size is a count, not a byte size.

    Attributes:
        vocabulary_size: rows of the token embedding.
        context_length: the most tokens in one sequence.
        hidden_size: width of the residual stream.
        num_layers: transformer blocks.
        num_heads: query heads; each is hidden_size / num_heads wide, unless head_width says otherwise.
        num_kv_heads: key and value heads; fewer than num_heads means grouped-query attention.
        intermediate_size: width of the MLP's inner layer.
        positions: a learned table of positions (GPT-2), or rotary embedding of queries and keys (Llama).
        normalization: the norm before each sub-layer and at the end.
        activation: GELU (tanh approximation) or SwiGLU.
        biases: whether the linear layers have them.
        norm_epsilon: added to the variance before its root.
        rotary_base: wavelengths grow up to 2 pi times this; unused with learned positions.
        qkv_biases: whether the projections to queries, keys and values have biases, even if other layers have none.
        rotary_scaling: how rotary frequencies are lowered; None for not at all.
        head_width: width of one attention head; None for hidden_size / num_heads.
        tied_head: whether next tokens are scored by the token embedding; if not, by a matrix of its own.
    """

    vocabulary_size: int
    context_length: int
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    intermediate_size: int
    positions: Literal["learned", "rotary"]
    normalization: Literal["layer_norm", "rms_norm"]
    activation: Literal["gelu", "swiglu"]
    biases: bool
    norm_epsilon: float
    rotary_base: float
    qkv_biases: bool = False
    rotary_scaling: RotaryScaling | None = None
    head_width: int | None = None
    tied_head: bool = True

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.head_width or self.hidden_size // self.num_heads

    @property
    def reads_both_ways(self) -> bool:
        """Whether a token attended to later ones too when the model was pretrained."""
        return False


@dataclass(frozen=True)
class EncoderConfig:
    """The shape of an encoder of BERT's kind; every size is a count, not a byte size.

    Attributes:
        vocabulary_size: rows of the token embedding.
        context_length: the most tokens in one sequence.
        hidden_size: width of the residual stream.
        num_layers: transformer blocks.
        num_heads: attention heads; each is hidden_size / num_heads wide.
        intermediate_size: width of the MLP's inner layer.
        token_types: rows of the embedding that tells the parts of a pair of texts apart; a single text is all type 0.
        norm_epsilon: added to the variance before its root.
    """

    vocabulary_size: int
    context_length: int
    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int
    token_types: int
    norm_epsilon: float

    @property
    def head_size(self) -> int:
        """As in DecoderConfig."""
        return self.hidden_size // self.num_heads

    @property
    def num_kv_heads(self) -> int:
        """Key and value heads; each query head has its own."""
        return self.num_heads

    @property
    def biases(self) -> bool:
        """Whether the linear layers have biases: all do."""
        return True

    @property
    def qkv_biases(self) -> bool:
        """As in DecoderConfig."""
        return True

    @property
    def reads_both_ways(self) -> bool:
        """As in DecoderConfig."""
        return True


ModelConfig = DecoderConfig | EncoderConfig


@dataclass(frozen=True)
class PublishedFiles:
    """The files that a base model is laid out from.

    Attributes:
        tokenizer: the file that its tokenizer is in.
        weights: the file that its pretrained weights are in, which may be the same; None if there are none, or if
            random ones are wanted.
    """

    tokenizer: Pin
    weights: Pin | None


@dataclass(frozen=True)
class BaseChoice:
    """Which base model is used.

    Attributes:
        name: a key of `models.catalogue.BASE_MODELS` or `HUB_MODELS`, or `hub:OWNER/NAME`.
        weights: whether its published tensors are used, or random ones.
        revision: for `hub:OWNER/NAME`, the full hash of one commit; None for the others, which are pinned.
    """

    name: str
    weights: Weights
    revision: str | None = None


class Family(Protocol):
    """What models of one kind have in common: how their files are laid out and read."""

    @property
    def tokenizer(self) -> str:
        """The name of the tokenizer's encoding."""

    @property
    def padding(self) -> int:
        """The id that fills short rows up, which is that of the loaded tokenizer."""

    def lay_out(self, published: PublishedFiles, folder: Path, fetch: Callable[[Pin, Path], object]) -> None:
        """Write the tokenizer's file and, if wanted, the weights' to a folder, each whole or not at all.

        Args:
            published: where they come from.
            folder: made if missing. The files' names begin with `tokenizer.` and `weights.`.
            fetch: puts a published file at a path.

        Raises:
            FetchError: a file could not be had.
        """

    def tokenizer_path(self, folder: Path) -> Path:
        """The path of the tokenizer's file.

        Args:
            folder: the folder of the base model, which `lay_out` fills.
        """

    def weights_path(self, folder: Path) -> Path:
        """The path of the weights' file.

        Args:
            folder: the folder of the base model, which `lay_out` fills.
        """

    def load_tokenizer(self, folder: Path) -> Tokenizer:
        """Read the tokenizer's file.

        Args:
            folder: the folder of the base model, which `lay_out` has filled.

        Raises:
            DataError: the file is missing or damaged.
        """

    def read_weights(self, path: Path, config: Any, leave_out: Container[str]) -> "State":
        """Read the weights' file into float32 tensors under this project's names; `models.weights` checks them.

        Args:
            path: the file.
            config: the shape that it should have, of the kind that this family's models are.
            leave_out: names of tensors, as this project calls them, that are not needed.

        Raises:
            FileNotFoundError: there is no such file.
            SafetensorError: the file is damaged; as are ValueError and IndexError.
        """

    def build(self, config: Any, dropout: float) -> "Backbone":
        """A module of this shape on the meta device, to be filled.

        Args:
            config: its shape, of the kind that this family's models are.
            dropout: the probability of dropping a value in training.
        """


@dataclass(frozen=True)
class BaseModel:
    """A model that can be fine-tuned.

    Attributes:
        config: its shape.
        family: what it has in common with others.
        published: the files that it is laid out from.
        repository: the model hub's name for it, `OWNER/NAME`; None for one that is not there.
        licence: what it may be used under, as the hub abbreviates it, such as `apache-2.0`; None if it is not known.
    """

    config: ModelConfig
    family: Family
    published: PublishedFiles
    repository: str | None = None
    licence: str | None = None

    @property
    def has_pretrained_weights(self) -> bool:
        """Whether its weights are published; if not, it can only be trained from random ones."""
        return self.published.weights is not None
