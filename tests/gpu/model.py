#!/usr/bin/env python3
"""model.py DIR - a Llama of 1.2 billion random weights, large enough to be worth two GPUs."""
import os
import runpy
import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM

# The tokenizer and its template are those of the test bed's tiny model.
here = os.path.dirname(os.path.abspath(__file__))
runpy.run_path(os.path.join(here, "..", "testbed", "model.py"))

torch.set_default_dtype(torch.bfloat16)
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=512, hidden_size=2048, intermediate_size=8192, num_hidden_layers=16,
    num_attention_heads=16, num_key_value_heads=8, max_position_embeddings=8192,
    bos_token_id=0, eos_token_id=1,
))
model.generation_config.max_new_tokens = 32
model.save_pretrained(sys.argv[1], safe_serialization=True, max_shard_size="1GB")
