#include "vllm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const valued[] = {
	"--dtype", "--gpu-memory-utilization", "--max-num-seqs", "--max-num-batched-tokens",
	"--download-dir", "--revision", "--tokenizer", "--seed", "--kv-cache-dtype", "--quantization",
	"--load-format", "--block-size", "--swap-space", "--config-format",
	"--generation-config", "--uvicorn-log-level", NULL
};
static const char *const bare[] = {
	"--enforce-eager", "--trust-remote-code", "--enable-prefix-caching",
	"--no-enable-prefix-caching", "--enable-chunked-prefill", "--disable-log-requests",
	"--no-enable-log-requests", "--disable-custom-all-reduce", "--enable-expert-parallel", NULL
};

static bool
one_of(const char *const *list, const char *s, size_t n)
{
	for (; *list; list++)
		if (strlen(*list) == n && strncmp(*list, s, n) == 0)
			return true;
	return false;
}

static const char usage[] = "usage: vllm serve [model_tag] [options]\nvllm serve: error:";

/* What ends vLLM's parser at once: a value that is no choice or no number. */
static bool
bad_value(const char *arg, size_t n, const char *v)
{
	static const char *const dtypes[] = {"auto", "half", "float16", "bfloat16", "float", "float32", NULL};
	static const char *const numbers[] = {"--max-num-seqs", "--seed", "--block-size", NULL};

	if (one_of((const char *const[]){"--dtype", NULL}, arg, n) && !one_of(dtypes, v, strlen(v))) {
		fprintf(stderr, "%s argument --dtype: invalid choice: '%s' (choose from auto, half, float16, "
			"bfloat16, float, float32)\n", usage, v);
		return true;
	}
	if (one_of(numbers, arg, n) && (!*v || v[strspn(v, "0123456789")])) {
		fprintf(stderr, "%s argument %.*s: invalid int value: '%s'\n", usage, (int)n, arg, v);
		return true;
	}
	return false;
}

bool
vllm_parse(struct server *s, int argc, char **argv)
{
	char unknown[4096] = "";

	for (int i = 2; i < argc; i++) {
		const char *eq = strchr(argv[i], '='), *v = eq ? eq + 1 : i + 1 < argc ? argv[i + 1] : "";
		size_t n = eq ? (size_t)(eq - argv[i]) : strlen(argv[i]);
#define IS(a, b) (one_of((const char *const[]){ a, b, NULL }, argv[i], n))
		if (argv[i][0] != '-' && !s->model) {
			s->model = argv[i];
			continue;
		}
		if (!eq && one_of(bare, argv[i], n))
			continue;
		if (IS("--model", "--model"))
			s->model = v;
		else if (IS("--served-model-name", "--served_model_name"))
			s->name = v;
		else if (IS("--port", "--port"))
			s->port = atoi(v);
		else if (IS("--host", "--host"))
			s->host = v;
		else if (IS("--tensor-parallel-size", "-tp"))
			s->tensor = atoi(v);
		else if (IS("--pipeline-parallel-size", "-pp"))
			s->pipeline = atoi(v);
		else if (IS("--distributed-executor-backend", "--distributed_executor_backend"))
			s->backend = v;
		else if (IS("--max-model-len", "--max_model_len"))
			s->max_len = atoi(v);
		else if (IS("--api-key", "--api_key"))
			s->key = v;
		else if (IS("--chat-template", "--chat_template"))
			s->template = v;
		else if (IS("--headless", "--headless"))
			s->ranks.headless = true, eq = v;
		else if (!ranks_option(&s->ranks, argv[i], n, v) && !one_of(valued, argv[i], n)) {
			snprintf(unknown + strlen(unknown), sizeof unknown - strlen(unknown), " %s", argv[i]);
			continue;
		}
		if (bad_value(argv[i], n, v))
			return false;
		i += !eq;
	}
	if (*unknown)
		fprintf(stderr, "%s unrecognized arguments:%s\n", usage, unknown);
	return !*unknown;
}
