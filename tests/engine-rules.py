"""engine-rules.py - reads lines "FOLDER TP PP [STAGE]" and says what vLLM does with the
config.json in FOLDER: "ok", or the words it refuses with; of a stage (from 0), how many bytes
of weights its first GPU has. The model's own class is built, on no device
and with groups that only have sizes, so every check that a real start makes before weights
are loaded is made; kernels that need a GPU are left out."""
import os
import sys

os.environ.update(VLLM_LOGGING_LEVEL="CRITICAL", HF_HUB_OFFLINE="1")
import torch
import vllm.model_executor.layers.quantization.fp8 as fp8
from vllm.config import (CacheConfig, LoadConfig, ModelConfig, ParallelConfig, VllmConfig,
                         set_current_vllm_config)
from vllm.distributed import parallel_state
from vllm.model_executor.layers.fused_moe.oracle.fp8 import Fp8MoeBackend
from vllm.model_executor.model_loader.utils import initialize_model

fp8.init_fp8_linear_kernel = lambda **_: None
fp8.select_fp8_moe_backend = lambda *_, **__: (Fp8MoeBackend.TRITON, None)


class Device:
    def __init__(self, n):
        self.n = n

    def rank(self):
        return 0

    def size(self):
        return self.n


class Group:
    """A rank of n, the first unless another is wanted."""

    def __init__(self, n, rank=0):
        self.world_size = n
        self.ranks = list(range(n))
        self.rank = self.rank_in_group = self.local_rank = rank
        self.is_first_rank, self.is_last_rank = rank == 0, rank == n - 1
        self.device_group = self.cpu_group = Device(n)
        self.unique_name = "group:0"
        self.device_communicator = None


def build(folder, tensor, pipeline, stage=None):
    model = ModelConfig(model=folder, tokenizer=folder, skip_tokenizer_init=True,
                        dtype="bfloat16", max_model_len=512)
    sizes = ParallelConfig()
    object.__setattr__(sizes, "tensor_parallel_size", tensor)
    object.__setattr__(sizes, "pipeline_parallel_size", pipeline)
    model.verify_with_parallel_config(sizes)
    for name in ("_TP", "_EP", "_PP", "_DP", "_DCP", "_PCP"):
        if hasattr(parallel_state, name):
            setattr(parallel_state, name, Group(tensor if name in ("_TP", "_EP") else 1))
    if stage is not None:
        parallel_state._PP = Group(pipeline, stage)
    config = VllmConfig(model_config=model, cache_config=CacheConfig(),
                        load_config=LoadConfig(load_format="dummy"))
    object.__setattr__(config.parallel_config, "tensor_parallel_size", tensor)
    torch.set_default_dtype(torch.bfloat16)
    with set_current_vllm_config(config), torch.device("meta"):
        built = initialize_model(config)
    # The tables of the rotary embedding are no weights of the checkpoint, but every GPU has them.
    tables = [b for name, b in built.named_buffers() if name.endswith("cos_sin_cache")]
    return sum(t.numel() * t.element_size() for t in [*built.parameters(), *tables])


for line in sys.stdin:
    folder, *sizes = line.split()
    said = "ok"
    try:
        size = build(folder, *map(int, sizes))
        if len(sizes) > 2:
            said = size
    except Exception as e:
        said = " ".join(f"{type(e).__name__} {e}".split())[:200]
    print(os.path.basename(folder), *sizes, said, flush=True)
