"""A LLaVA of a few hundred thousand weights that can tell red pictures from blue ones: made in seconds, no download.

It answers Yes the likelier the redder the last picture of the prompt is, and No the bluer, since it is trained to, so
that tests can see whether pixels arrive. The folder also loads into vLLM: head sizes are 64, and the vision tower's
weights bear the names of the published checkpoints.
"""

import io
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaImageProcessor,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from foveate.rerankers.layouts import layout
from foveate.rerankers.protocols import ImagePart
from tests.rerankers.tiny import CORPUS

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SIDE_PX = 32
PATCH_PX = 8
STEPS = 120


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (48, 40)) -> ImagePart:
    """One colour all over, as PNG."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return ImagePart(data=buffer.getvalue(), mime="image/png")


def build(folder: Path, *, context: int = 1024, seed: int = 1, steps: int = STEPS) -> Path:
    """Write the model folder: weights, tokenizer, chat template, processor.

    Args:
        folder: where to.
        context: tokens that the language model holds.
        seed: of the weights and the training.
        steps: of training; with 0 the model is random.
    """
    folder.mkdir(parents=True, exist_ok=True)
    processor = _processor()
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(_config(processor.tokenizer, context))
    if steps:
        _train(model, processor, steps)
    torch.random.set_rng_state(state)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    _rename(folder / "model.safetensors")
    return folder


def _processor() -> LlavaProcessor:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=["<|im_start|>", "<|im_end|>", "<image>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words = ["Yes", "No", "Query:", "Candidate:", "candidate match the query? Answer Yes or No."]
    inner.train_from_iterator([*CORPUS, *words * 5], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        extra_special_tokens={"image_token": AddedToken("<image>", special=True, normalized=False)},
    )
    tokenizer.chat_template = TEMPLATE
    return LlavaProcessor(
        image_processor=LlavaImageProcessor(
            size={"shortest_edge": SIDE_PX}, crop_size={"height": SIDE_PX, "width": SIDE_PX}
        ),
        tokenizer=tokenizer,
        patch_size=PATCH_PX,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        num_additional_image_tokens=1,
    )


def _config(tokenizer: Any, context: int) -> LlavaConfig:
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        initializer_range=0.1,
    )
    vision = CLIPVisionConfig(
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=1,
        image_size=SIDE_PX,
        patch_size=PATCH_PX,
        projection_dim=64,
        initializer_range=0.1,
    )
    return LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        image_seq_length=(SIDE_PX // PATCH_PX) ** 2,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
    )


def _train(model: Any, processor: Any, steps: int) -> None:
    """The probability of Yes is red / (red + blue), whatever the words say."""
    chance = torch.Generator().manual_seed(0)
    no, yes = (processor.tokenizer.encode(word, add_special_tokens=False)[0] for word in ("No", "Yes"))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    words = [word for line in CORPUS for word in line.split()]
    for _ in range(steps):
        colours = torch.randint(0, 256, (8, 3), generator=chance)  # [batch, rgb]
        images = [Image.new("RGB", (40, 40), tuple(colour)) for colour in colours.tolist()]
        starts = torch.randint(0, len(words) - 3, (8,), generator=chance).tolist()
        texts = [rendered(processor, " ".join(words[at : at + 2]), words[at + 2]) for at in starts]
        batch = processor(text=texts, images=[[one] for one in images], return_tensors="pt", padding=True)
        last = batch["attention_mask"].sum(-1) - 1
        logprobs = model(**batch).logits[torch.arange(8), last].log_softmax(-1)  # [batch, vocabulary]
        share = (colours[:, 0] + 1) / (colours[:, 0] + colours[:, 2] + 2)
        loss = -(share * logprobs[:, yes] + (1 - share) * logprobs[:, no]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def rendered(processor: Any, question: str, candidate: str) -> str:
    """The rerank prompt with one picture at its end."""
    talk = []
    for message in layout("rerank").messages({"question": question, "candidate": candidate}):
        parts = [{"type": "text", "text": message.text}]
        if message.role == "user":
            parts.append({"type": "image"})
        talk.append({"role": message.role, "content": parts})
    text: str = processor.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    return text


def _rename(file: Path) -> None:
    """vLLM 0.32 looks for ``vision_tower.vision_model.*``; transformers 5 writes ``vision_tower.*`` and reads both."""
    weights = {}
    for name, tensor in load_file(file).items():
        at = name.find("vision_tower.")
        if at >= 0 and "vision_tower.vision_model." not in name:
            at += len("vision_tower.")
            name = f"{name[:at]}vision_model.{name[at:]}"
        weights[name] = tensor
    save_file(weights, file, {"format": "pt"})
