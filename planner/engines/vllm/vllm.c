/* vLLM: over Ray, a coordinator; by itself (mp), a group of ranks. */
#include "planner/engines/vllm/vllm.h"

#include <stddef.h>

#include "planner/base/limits.h"

static const struct engine_own own_args[] = {
	{"tensor-parallel-size", "'parallelism.tensor'"}, {"tp", "'parallelism.tensor'"},
	{"pipeline-parallel-size", "'parallelism.pipeline'"}, {"pp", "'parallelism.pipeline'"},
	{"distributed-executor-backend", "'engine.backend'"}, {"host", "'serve.bind'"},
	{"port", "'serve.port'"}, {"served-model-name", "'serve.name' (a name or a list)"},
	{"api-key", "'serve.api_key'"}, {"model", "'model'"}, {"revision", "'model.revision'"},
	{"hf-token", "'model.token'"}, {"nnodes", "'nodes'"}, {"n", "'nodes'"},
	{"node-rank", "'nodes'"}, {"r", "'nodes'"}, {"master-addr", "'nodes'"},
	{"master-port", "'engine.master_port'"}, {"headless", "'nodes'"},
	{"data-parallel-size", "'parallelism.data'"}, {"dp", "'parallelism.data'"},
	{"data-parallel-size-local", "'parallelism.data'"}, {"dpl", "'parallelism.data'"},
	{"data-parallel-start-rank", "'parallelism.data'"}, {"dpr", "'parallelism.data'"},
	{"data-parallel-address", "'nodes'"}, {"dpa", "'nodes'"},
	{"data-parallel-rpc-port", "'nodes'"}, {"dpp", "'nodes'"}, {"download-dir", "'storage'"},
	{NULL}
};

static const struct engine_own own_env[] = {
	{"VLLM_HOST_IP", "a node's 'address'"}, {"HF_HOME", "'storage' (.cache/huggingface in it)"},
	{"HF_HUB_OFFLINE", "'model'"}, {"HF_HUB_CACHE", "'storage'"},
	{"HUGGINGFACE_HUB_CACHE", "'storage'"}, {"TRANSFORMERS_CACHE", "'storage'"},
	{"HF_ENDPOINT", "'model.endpoint'"}, {"VLLM_USE_MODELSCOPE", "'model.source' (modelscope)"},
	{"VLLM_API_KEY", "'serve.api_key'"},
	{NULL}
};

static const struct engine_refused refused_args[] = {
	{"uds", NULL, "dray, like most clients, asks the API at serve.bind and serve.port"},
	{"grpc", NULL, "dray asks the API by HTTP"},
	{"ssl-cert-reqs", "0", "the API would ask clients for a certificate, and dray has none; let a "
	 "proxy in front of it ask for that"},
	{"prefill-context-parallel-size", "1", "it multiplies the GPUs that vLLM takes, and dray lays out by "
	 "tensor, pipeline and data alone"},
	{"pcp", "1", "it multiplies the GPUs that vLLM takes, and dray lays out by tensor, pipeline and data alone"},
	{"data-parallel-rank", NULL, "dray starts one API, on the head; set parallelism.data"},
	{"data-parallel-external-lb", NULL, "dray starts one API, on the head; set parallelism.data"},
	{"data-parallel-hybrid-lb", NULL, "dray starts one API, on the head; set parallelism.data"},
	{NULL}
};

static const char usual_args[] =
	"max-model-len gpu-memory-utilization dtype quantization kv-cache-dtype max-num-seqs "
	"max-num-batched-tokens enable-prefix-caching enable-chunked-prefill enforce-eager "
	"trust-remote-code tokenizer tokenizer-mode chat-template load-format config-format seed "
	"swap-space cpu-offload-gb block-size max-logprobs hf-overrides rope-scaling "
	"tool-call-parser enable-auto-tool-choice reasoning-parser limit-mm-per-prompt enable-lora "
	"lora-modules max-lora-rank speculative-config compilation-config generation-config "
	"enable-expert-parallel async-scheduling root-path ssl-certfile ssl-keyfile";

static const char *const tls_args[] = {"ssl-certfile", "ssl-keyfile", NULL};

static const struct engine_ask asks[] = {
	{"chat", "/v1/chat/completions", engine_chat},
	{"completion", "/v1/completions", engine_completion},
	{"embedding", "/v1/embeddings", engine_input},
	{"rerank", "/v1/rerank", engine_rerank},
	{"classify", "/classify", engine_input},
	{NULL}
};

static const char *const file_args[] = {
	"chat-template", "tool-parser-plugin", "reasoning-parser-plugin", "lora-modules", "ssl-keyfile",
	"ssl-certfile", "ssl-ca-certs", "generation-config", "allowed-local-media-path",
	"log-config-file", "config", NULL
};

static const char *const file_envs[] = {
	"VLLM_LOGGING_CONFIG_PATH", "VLLM_TUNED_CONFIG_FOLDER", "VLLM_LORA_RESOLVER_CACHE_DIR",
	"NCCL_TOPO_FILE", "NCCL_CONF_FILE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", NULL
};

static const struct engine_needed needed_args[] = {
	{"lora-modules", "enable-lora", "true"}, {"default-mm-loras", "enable-lora", "true"},
	{"enable-auto-tool-choice", "tool-call-parser", "NAME"}, {0},
};

static const struct engine_file_arg carried_args[] = {
	{"chat-template"}, {"tool-parser-plugin"}, {"reasoning-parser-plugin"}, {"ssl-keyfile", true},
	{"ssl-certfile"}, {"ssl-ca-certs"}, {"log-config-file"}, {"config"}, {0},
};

static const struct engine_port ports[] = {
	{RAY_PORT, RAY_PORT, "Ray's head port", "another Ray, or a Redis?", NULL},
	/* ray start: an error in the log (services.py, start_api_server), and goes on. */
	{RAY_DASHBOARD_PORT, RAY_DASHBOARD_PORT, "Ray's dashboard port", NULL, "its dashboard"},
	{RAY_FIRST_PORT, RAY_LAST_PORT, "among Ray's worker ports", NULL, NULL},
	{0}
};

static const struct engine_repo_arg repo_args[] = {
	{"tokenizer", NULL, "tokenizer"}, {"hf-config-path", NULL, "config"},
	{"lora-modules", "path", "lora"}, {"default-mm-loras", "path", "lora"},
	{"speculative-config", "model", "draft"}, {"speculative-config.model", NULL, "draft"},
	{"speculative-model", NULL, "draft"}, {0},
};

static const struct engine_format format_args[] = {
	{FORMAT_MISTRAL, "tokenizer-mode", "mistral"}, {FORMAT_MISTRAL, "config-format", "mistral"},
	{FORMAT_MISTRAL, "load-format", "mistral"}, {FORMAT_GGUF, "tokenizer", "ORG/NAME"},
	{0},
};

const struct engine engine_vllm = {
	.name = "vllm",
	.title = "vLLM",
	.server = "vllm serve",
	.package = "vllm",
	.image = "vllm/vllm-openai:v0.17.1",
	.example = "engine:\n"
		   "  image: vllm/vllm-openai:v0.17.1          # the last stock image with Ray in it\n"
		   "  backend: ray\n"
		   "  args: {max-model-len: 32768}             # vllm serve --max-model-len 32768\n",

	.version_of_image = vllm_version_of_image,
	.arg_since = vllm_arg_since,
	.unknown_model = vllm_unknown_model,
	.image_for = vllm_image_for,
	.image_instead = vllm_image_instead,
	.platform = vllm_platform,
	.image_other = vllm_image_other,
	.nccl = vllm_nccl, .nccl_image = "vllm/vllm-openai:v0.33.0", .nccl_env = "VLLM_NCCL_SO_PATH",
	.image_with = vllm_image_with,
	.gpu_refused = vllm_gpu_refused,
	.image_lacks_arch = vllm_image_lacks_arch,
	.driver_hint = "on data-centre GPUs set engine.env: {VLLM_ENABLE_CUDA_COMPATIBILITY: 1}",
	/* vLLM issues 13815, 20939 and 41848, pull request 45026. */
	.uuids_since = "v0.24.0",
	.uuids_error = "ValueError: invalid literal for int()",
	.cpu_version = "cpu",

	.shape = {
		[SHAPE_COORDINATOR] = {.word = "ray", .needs = "Ray", .package = "ray"},
		[SHAPE_RANKS] = {.word = "mp"},
	},
	.choose = vllm_choose,
	.refuses = vllm_refuses,
	.image_lacks = vllm_image_lacks,
	.ranks_broken = {"0.17.0", "0.18.0"},
	.script_url = vllm_script_url,
	.ports = ports,
	.data_port = DATA_RPC_PORT,
	/* initialize_ray_cluster() and _verify_bundles(): "driver node id ... is not included in a
	 * placement group", with V1, too. */
	.head_gpus = "vLLM's server must have one of its GPUs on its own node, the first",
	.resources_env = "RAY_OVERRIDE_RESOURCES",

	.own_args = own_args,
	.own_env = own_env,
	.refused_args = refused_args,
	.usual_args = usual_args,
	.args_shortened = true,
	.arg = {.context = "max-model-len", .memory = "gpu-memory-utilization",
		.kv_dtype = "kv-cache-dtype"},
	.api_key_env = "VLLM_API_KEY",
	.want = vllm_want,
	.argv = vllm_argv,
	.unknown_arg = "--dray-ends-here",
	.file_args = file_args,
	.file_envs = file_envs,
	.needed_args = needed_args,
	.carried_args = carried_args,
	.repo_args = repo_args,
	.format_args = format_args,

	.tls_args = tls_args,
	.models_path = "/v1/models",
	.asks = asks,
	.metrics_path = "/metrics",
	.load = vllm_load,

	.bench = vllm_bench,
	.bench_result = vllm_bench_result,
	.bench_key_env = "OPENAI_API_KEY",
	.bench_script = "vllm-bench",

	.node_script = "vllm",
	.joined_script = "ray-ready",
	.status_script = "ray-status",
	.status_command = "ray status",
	.share_env = "VLLM_RAY_PER_WORKER_GPUS",
	.worker_title = "VLLM::Worker",
	.core_title = "VLLM::EngineCore",

	.ask = vllm_ask,
	.rule_tensor = vllm_rule_tensor,
	.rule_pipeline = vllm_rule_pipeline,
	.partition_env = "VLLM_PP_LAYER_PARTITION",
	.layers_before = vllm_layers_before,
	.overhead = vllm_overhead,
	.kv = vllm_kv,
	.memory_model = 1,
	.context_hint = "lower max-model-len, or set engine.env: {VLLM_ALLOW_LONG_MAX_MODEL_LEN: 1}",
};
