#!/usr/bin/env python3
"""make-weights.py CONFIG DIR [FILES] - the weights of a decoder with that config.json as
safetensors files of their real size, names and kinds of numbers, without the weights: holes
in the disk. With more than one file comes an index. Knows dense Llama shapes, Qwen's
experts, and DeepSeek's latent attention in blocks of fp8."""
import json
import os
import sys

SIZE = {"BF16": 2, "F32": 4, "F8_E4M3": 1}


def tensors(c):
    """name -> (kind, shape)"""
    out = {}
    h, inner = c["hidden_size"], c["intermediate_size"]
    fp8 = c.get("quantization_config", {}).get("quant_method") == "fp8"

    def matrix(name, rows, columns):
        out[name + ".weight"] = ("F8_E4M3" if fp8 else "BF16", [rows, columns])
        if fp8:
            out[name + ".weight_scale_inv"] = ("F32", [-(-rows // 128), -(-columns // 128)])

    def mlp(name, width):
        for part in "gate_proj", "up_proj":
            matrix(f"{name}.{part}", width, h)
        matrix(f"{name}.down_proj", h, width)

    def attention(name):
        heads = c["num_attention_heads"]
        if c.get("kv_lora_rank"):
            r, q, rope = c["kv_lora_rank"], c["q_lora_rank"], c["qk_rope_head_dim"]
            matrix(name + ".q_a_proj", q, h)
            out[name + ".q_a_layernorm.weight"] = ("BF16", [q])
            matrix(name + ".q_b_proj", heads * (c["qk_nope_head_dim"] + rope), q)
            matrix(name + ".kv_a_proj_with_mqa", r + rope, h)
            out[name + ".kv_a_layernorm.weight"] = ("BF16", [r])
            matrix(name + ".kv_b_proj", heads * (c["qk_nope_head_dim"] + c["v_head_dim"]), r)
            matrix(name + ".o_proj", h, heads * c["v_head_dim"])
            return
        dim = c.get("head_dim") or h // heads
        matrix(name + ".q_proj", heads * dim, h)
        matrix(name + ".k_proj", c["num_key_value_heads"] * dim, h)
        matrix(name + ".v_proj", c["num_key_value_heads"] * dim, h)
        matrix(name + ".o_proj", h, heads * dim)
        if c["model_type"].startswith("qwen3"):
            out[name + ".q_norm.weight"] = out[name + ".k_norm.weight"] = ("BF16", [dim])

    def layer(name, dense):
        experts = c.get("n_routed_experts") or c.get("num_experts") or 0
        attention(name + ".self_attn")
        out[name + ".input_layernorm.weight"] = ("BF16", [h])
        out[name + ".post_attention_layernorm.weight"] = ("BF16", [h])
        if dense or not experts:
            return mlp(name + ".mlp", inner)
        out[name + ".mlp.gate.weight"] = ("BF16", [experts, h])
        for e in range(experts):
            mlp(f"{name}.mlp.experts.{e}", c["moe_intermediate_size"])
        if c.get("n_shared_experts"):
            out[name + ".mlp.gate.e_score_correction_bias"] = ("F32", [experts])
            mlp(name + ".mlp.shared_experts", c["n_shared_experts"] * c["moe_intermediate_size"])

    layers = c["num_hidden_layers"]
    out["model.embed_tokens.weight"] = ("BF16", [c["vocab_size"], h])
    for i in range(layers):
        layer(f"model.layers.{i}", i < c.get("first_k_dense_replace", 0))
    if c.get("num_nextn_predict_layers"):
        name = f"model.layers.{layers}"
        layer(name, False)
        out[name + ".embed_tokens.weight"] = ("BF16", [c["vocab_size"], h])
        out[name + ".eh_proj.weight"] = ("BF16", [h, 2 * h])
        out[name + ".shared_head.head.weight"] = ("BF16", [c["vocab_size"], h])
        for part in "enorm", "hnorm", "shared_head.norm":
            out[f"{name}.{part}.weight"] = ("BF16", [h])
    out["model.norm.weight"] = ("BF16", [h])
    if not c.get("tie_word_embeddings"):
        out["lm_head.weight"] = ("BF16", [c["vocab_size"], h])
    return out


def main():
    c = json.load(open(sys.argv[1]))
    folder, files = sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1
    everything, index, total = list(tensors(c).items()), {}, 0
    each = -(-len(everything) // files)
    for k in range(files):
        name = "model.safetensors" if files == 1 else f"model-{k + 1:05d}-of-{files:05d}.safetensors"
        head, at = {"__metadata__": {"format": "pt"}}, 0
        for tensor, (kind, shape) in everything[k * each:(k + 1) * each]:
            n = SIZE[kind]
            for d in shape:
                n *= d
            head[tensor] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + n]}
            index[tensor] = name
            at += n
        text = json.dumps(head, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with open(os.path.join(folder, name), "wb") as f:
            f.write(len(text).to_bytes(8, "little") + text)
            f.truncate(8 + len(text) + at)
        total += at
    if files > 1:
        with open(os.path.join(folder, "model.safetensors.index.json"), "w") as f:
            json.dump({"metadata": {"total_size": total}, "weight_map": index}, f, indent=2)
    print(total)


main()
