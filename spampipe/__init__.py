"""Fine-tune a pretrained language model to classify text, reproducibly."""
