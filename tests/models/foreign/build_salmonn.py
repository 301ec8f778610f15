"""Build a tiny SALMONN from a clone of its repository: ``python build_salmonn.py CLONE FOLDER``.

FOLDER gets what the repository's loader asks for, under names of ours: llama, whisper, beats.pt, salmonn.pt, bert.
Runs under the interpreter of SALMONN's environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

BEATS = {
    "input_patch_size": 16,
    "embed_dim": 16,
    "encoder_layers": 1,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 32,
    "encoder_attention_heads": 2,
    "conv_pos": 16,
    "conv_pos_groups": 2,
}
WIDTH = 32


def build(clone: Path, folder: Path) -> None:
    """Fill `folder`."""
    sys.path.insert(0, str(Path(__file__).parent))
    import vicuna

    sys.path.insert(0, str(clone))
    import torch
    import transformers
    from models import modeling_llama, modeling_whisper, salmonn
    from models.beats.BEATs import BEATs, BEATsConfig

    torch.set_num_threads(1)
    vicuna.save(
        folder / "llama", transformers.LlamaConfig, modeling_llama.LlamaForCausalLM, transformers.LlamaTokenizer
    )
    torch.manual_seed(1)
    hearing = transformers.WhisperConfig(
        d_model=WIDTH,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=WIDTH,
        decoder_ffn_dim=WIDTH,
    )
    modeling_whisper.WhisperModel(hearing).save_pretrained(str(folder / "whisper"))
    transformers.WhisperFeatureExtractor().save_pretrained(str(folder / "whisper"))
    torch.save({"cfg": BEATS, "model": BEATs(BEATsConfig(BEATS)).state_dict()}, folder / "beats.pt")
    sizes = transformers.BertConfig(
        hidden_size=WIDTH, intermediate_size=WIDTH, num_attention_heads=2, vocab_size=64
    )
    sizes.save_pretrained(str(folder / "bert"))
    salmonn.BertConfig.from_pretrained = classmethod(lambda cls, _: sizes)
    model = salmonn.SALMONN(
        llama_path=str(folder / "llama"), whisper_path=str(folder / "whisper"), beats_path=str(folder / "beats.pt")
    )
    trained = {name: one for name, one in model.named_parameters() if one.requires_grad}
    vicuna.stir(trained.values())
    torch.save({"model": trained}, folder / "salmonn.pt")


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
