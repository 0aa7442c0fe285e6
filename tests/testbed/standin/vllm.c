#include "standin.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
	const char *model, *name, *host, *backend, *key, *template;
	int port, tensor, pipeline, max_len;
	int listener, lease;
	pid_t pid;
	struct ranks ranks;
};

static volatile sig_atomic_t stopping, dying;

/* What /metrics tells, shared with the process of each request. */
static struct load { int running, waiting, tokens, came, left; long long since; } *load_now;

static void
on_signal(int sig)
{
	if (sig == SIGUSR1)
		dying = 1;
	else
		stopping = 1;
}

static void
vlog(const char *who, const char *level, const char *where, const char *fmt, ...)
{
	va_list ap;

	printf("(%s pid=%d) %s %s [%s] ", who, (int)getpid(), level,
	       stamp("%m-%d %H:%M:%S", ' ', 0), where);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* The server ends after its engine died, as vLLM's watchdog makes it: with status 0. */
static int
engine_died(const char *cause)
{
	vlog("EngineCore", "ERROR", "core.py:1233", "EngineCore encountered a fatal error.");
	vlog("EngineCore", "ERROR", "core.py:1233", "%s", cause);
	vlog("APIServer", "ERROR", "async_llm.py:704", "vllm.v1.engine.exceptions.EngineDeadError: "
	     "EngineCore encountered an issue. See stack trace (above) for the root cause.");
	puts("INFO:     Shutting down\nINFO:     Application shutdown complete.");
	printf("INFO:     Finished server process [%d]\n", (int)getpid());
	return 0;
}

static int
start_failed(const char *cause)
{
	vlog("EngineCore", "ERROR", "core.py:1233", "EngineCore failed to start.");
	vlog("EngineCore", "ERROR", "core.py:1233", "%s", cause);
	puts("RuntimeError: Engine core initialization failed. See root cause above. Failed core "
	     "proc(s): {}");
	return 1;
}

static int
number_in(const char *json, const char *key)
{
	char quoted[64];

	snprintf(quoted, sizeof quoted, "\"%s\"", key);
	json = strstr(json, quoted);
	json = json ? strchr(json, ':') : NULL;
	return json ? atoi(json + 1) : 0;
}

/* What vLLM finds wrong with a model folder before it asks for any GPU, or NULL. */
static const char *
check_model(const struct server *s)
{
	static char why[512];
	char path[1024], *config;
	bool weights = false;
	struct dirent *e;
	int heads;
	DIR *d;

	snprintf(path, sizeof path, "%s/config.json", s->model);
	config = read_file(path);
	if (!config) {
		snprintf(why, sizeof why, "huggingface_hub.errors.HFValidationError: Repo id must be "
			 "in the form 'repo_name' or 'namespace/repo_name': '%s'.", s->model);
		return why;
	}
	heads = number_in(config, "num_attention_heads");
	free(config);
	if (heads && heads % s->tensor) {
		snprintf(why, sizeof why, "Value error, Total number of attention heads (%d) must be "
			 "divisible by tensor parallel size (%d).", heads, s->tensor);
		return why;
	}
	d = opendir(s->model);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof path, "%s/%s", s->model, e->d_name);
		weights |= strstr(e->d_name, ".safetensors") && access(path, R_OK) == 0;
	}
	if (d)
		closedir(d);
	if (weights)
		return NULL;
	snprintf(why, sizeof why, "RuntimeError: Cannot find any model weights with `%s`", s->model);
	return why;
}

/* Take the GPUs from Ray; waits as long as they are not there, as vLLM does. */
static bool
reserve(struct server *s)
{
	const char *address = ray_address();
	int n = s->tensor * s->pipeline;
	long long said = now_ms();
	char line[64] = "";

	vlog("EngineCore", "INFO", "worker.py:1810",
	     "Connecting to existing Ray cluster at address: %s...", address);
	s->lease = tcp_dial(address, 2000);
	if (s->lease < 0 || !send_text(s->lease, "LEASE %d\n", n))
		return false;
	vlog("EngineCore", "INFO", "ray_utils.py:624",
	     "No current placement group found. Creating a new placement group.");
	while (!stopping) {
		if (recv_line(s->lease, line, sizeof line, 500)) {
			if (strcmp(line, "OK") == 0)
				return true;
			if (strcmp(line, "WAIT") == 0)
				vlog("EngineCore", "WARNING", "ray_utils.py:613", "The number of "
				     "required GPUs exceeds the total number of available GPUs in "
				     "the placement group.");
		} else if (now_ms() - said > 5000) {
			said = now_ms();
			vlog("EngineCore", "INFO", "ray_utils.py:467", "Waiting for creating a "
			     "placement group of specs for 5 seconds. specs=[{'GPU': 1.0}] * %d. "
			     "Check `ray status` and `ray list nodes` to see if you have enough "
			     "resources", n);
		}
	}
	return false;
}

/* What it took of the GPU, on demand ("memory=WEIGHTS+CACHE" in GiB), as vLLM 0.24 prints it. */
static void
tell_memory(long ms)
{
	const char *memory = demand("memory");
	double weights, cache;

	if (!memory || sscanf(memory, "%lf+%lf", &weights, &cache) != 2)
		return;
	vlog("Worker_PP0", "INFO", "gpu_model_runner.py:5048", "Model loading took %.2f GiB memory and "
	     "%.6f seconds", weights, (double)ms / 1000);
	vlog("Worker_PP0", "INFO", "gpu_worker.py:436", "Available KV cache memory: %.2f GiB", cache);
}

/* The checkpoint, shard by shard. NULL when it is loaded, else why not. */
static const char *
load(const struct server *s)
{
	enum { SHARDS = 4 };
	long ms = demand_ms("slow-load", 100);
	char line[64];

	vlog("Worker_PP0", "INFO", "gpu_model_runner.py:2400", "Starting to load model %s...", s->model);
	for (int i = 0; i <= SHARDS; i++) {
		printf("\rLoading safetensors checkpoint shards: %3d%% Completed | %d/%d "
		       "[00:%02d<00:%02d, %.2fit/s]\n", 100 * i / SHARDS, i, SHARDS,
		       (int)(ms * i / SHARDS / 1000), (int)(ms * (SHARDS - i) / SHARDS / 1000),
		       1000.0 * SHARDS / (double)(ms ? ms : 1));
		if (i == SHARDS / 2 && demand("die-loading"))
			return "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 896.00 "
			       "MiB. GPU 1 has a total capacity of 139.81 GiB of which 12.50 MiB is free.";
		if (i == SHARDS / 2 && demand("never-ready"))
			while (!stopping)
				sleep_ms(100);
		if (s->lease < 0)
			sleep_ms(i < SHARDS ? ms / SHARDS : 0);
		else if (i < SHARDS && recv_line(s->lease, line, sizeof line, (int)(ms / SHARDS)))
			return "RuntimeError: RayWorkerProc died unexpectedly while loading";
		if (stopping)
			return "KeyboardInterrupt";
	}
	vlog("Worker_PP0", "INFO", "default_loader.py:501", "Loading weights took %.2f seconds",
	     (double)ms / 1000);
	tell_memory(ms);
	vlog("EngineCore", "INFO", "kv_cache_utils.py:1300", "GPU KV cache size: 119,680 tokens");
	vlog("EngineCore", "INFO", "kv_cache_utils.py:2147",
	     "Maximum concurrency for %d tokens per request: %.2fx", s->max_len, 119680.0 / s->max_len);
	return NULL;
}

static void
answer(int fd, int status, const char *body)
{
	send_text(fd, "HTTP/1.1 %d %s\r\ncontent-type: application/json\r\nserver: uvicorn\r\n"
		  "content-length: %zu\r\nconnection: close\r\n\r\n%s", status,
		  status == 200 ? "OK" : status == 401 ? "Unauthorized" :
		  status == 404 ? "Not Found" : status == 400 ? "Bad Request" : "Error",
		  strlen(body), body);
}

static bool
is_wedged(void)
{
	const char *before = demand("wedge");

	return before && (!*before || load_now->since < (long long)(atof(before) * 1000));
}

/* The same answer, a word an event. On demand it stops in the middle until the demand is gone. */
static void
stream(int fd, int n)
{
	static const char *const words[] = {"Nothing", " thinks", "\\n", "in", " here", ".", "\\u001b[2J", "!"};

	send_text(fd, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
		  "server: uvicorn\r\nconnection: close\r\n\r\n");
	for (int i = 0; i < n; i++) {
		while (i == 2 && demand("stall-stream"))
			sleep_ms(50);
		send_text(fd, "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,"
			  "\"delta\":{\"content\":\"%s\"},\"finish_reason\":%s}]}\n\n", words[i],
			  i + 1 < n ? "null" : "\"length\"");
	}
	send_text(fd, "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":"
		  "{\"prompt_tokens\":9,\"completion_tokens\":%d}}\n\ndata: [DONE]\n\n", n);
}

/* Did the client hang up? vLLM then drops its request. */
static bool
is_gone(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* Wait for a turn, then for n tokens. False: the client has hung up. */
static bool
take_turn(int fd, int n, int slots)
{
	int turn = __atomic_fetch_add(&load_now->came, 1, __ATOMIC_SEQ_CST);
	long ms = demand("token-ms") ? atol(demand("token-ms")) : 0;
	bool here = true;

	__atomic_add_fetch(&load_now->waiting, 1, __ATOMIC_SEQ_CST);
	while (here && turn >= __atomic_load_n(&load_now->left, __ATOMIC_SEQ_CST) + slots && demand("slots")) {
		sleep_ms(150);
		here = !is_gone(fd);
	}
	__atomic_sub_fetch(&load_now->waiting, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&load_now->running, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; here && i < n; i++) {
		while (is_wedged())
			sleep_ms(50);
		sleep_ms(ms);
		__atomic_add_fetch(&load_now->tokens, 1, __ATOMIC_SEQ_CST);
		here = !is_gone(fd);
	}
	__atomic_sub_fetch(&load_now->running, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&load_now->left, 1, __ATOMIC_SEQ_CST);
	return here;
}

static void
complete(const struct server *s, int fd, const char *body)
{
	char model[256] = "", out[1024];
	int max = number_in(body, "max_tokens"), n = demand("no-tokens") ? 0 : max > 0 && max < 8 ? max : 8;

	if (!json_text(body, "model", model, sizeof model) || strcmp(model, s->name) != 0) {
		snprintf(out, sizeof out, "{\"error\":{\"message\":\"The model `%s` does not exist.\","
			 "\"type\":\"NotFoundError\",\"param\":\"model\",\"code\":404}}", model);
		answer(fd, 404, out);
		return;
	}
	if (demand("die-first-completion")) {
		kill(s->pid, SIGUSR1);
		sleep_ms(500);
		answer(fd, 500, "{\"error\":{\"message\":\"EngineCore encountered an issue. See stack "
		       "trace (above) for the root cause.\",\"type\":\"InternalServerError\","
		       "\"param\":null,\"code\":500}}");
		return;
	}
	if (demand("slots")) {
		if (!take_turn(fd, n, atoi(demand("slots"))))
			return;
	} else {
		__atomic_add_fetch(&load_now->running, 1, __ATOMIC_SEQ_CST);
		while (is_wedged() || demand("queue") || demand("trickle") || !ranks_whole(&s->ranks))
			sleep_ms(200);
		__atomic_sub_fetch(&load_now->running, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&load_now->tokens, n, __ATOMIC_SEQ_CST);
	}
	if (strstr(body, "\"stream\":true")) {
		stream(fd, n);
		return;
	}
	snprintf(out, sizeof out, "{\"id\":\"chatcmpl-standin\",\"object\":\"chat.completion\","
		 "\"created\":1795000000,\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":{"
		 "\"role\":\"assistant\",\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":"
		 "\"%s\"}],\"usage\":{\"prompt_tokens\":9,\"total_tokens\":%d,"
		 "\"completion_tokens\":%d}}", s->name, n ? "Nothing thinks in here." : "",
		 n ? "length" : "stop", 9 + n, n);
	answer(fd, 200, out);
}

/* What others get, on demand, comes with the time. */
static void
metrics(int fd)
{
	long long ms = now_ms() - load_now->since;
	int tokens = load_now->tokens + (int)(demand("queue") ? ms / 25 : demand("trickle") ? ms / 2500 : 0);
	char out[1024];

	snprintf(out, sizeof out, "# TYPE vllm:num_requests_running gauge\n"
		 "vllm:num_requests_running{engine=\"0\",model_name=\"x\"} %d.0\n"
		 "vllm:num_requests_waiting{engine=\"0\",model_name=\"x\"} %d.0\n"
		 "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"x\"} 0.25\n"
		 "vllm:prompt_tokens_total{engine=\"0\",model_name=\"x\"} 9.0\n"
		 "vllm:generation_tokens_total{engine=\"0\",model_name=\"x\"} %d.0\n",
		 load_now->running, load_now->waiting, tokens);
	answer(fd, 200, out);
}

/* One request in a process of its own, so that a hanging one hangs alone. */
static void
serve_one(const struct server *s, int fd)
{
	char line[4096], method[8] = "", path[256] = "", *body;
	bool allowed = !s->key || !*s->key;
	size_t length = 0, got = 0;

	if (!recv_line(fd, line, sizeof line, 5000) || sscanf(line, "%7s %255s", method, path) != 2)
		return;
	while (recv_line(fd, line, sizeof line, 5000) && *line) {
		if (strncasecmp(line, "content-length:", 15) == 0)
			length = strtoul(line + 15, NULL, 10);
		if (s->key && strncasecmp(line, "authorization: bearer ", 22) == 0)
			allowed |= strcmp(line + 22, s->key) == 0;
		if (strncasecmp(line, "expect: 100-continue", 20) == 0)
			send_text(fd, "HTTP/1.1 100 Continue\r\n\r\n");
	}
	body = calloc(1, length + 1);
	for (ssize_t k; body && got < length && (k = read(fd, body + got, length - got)) > 0;)
		got += (size_t)k;
	printf("(APIServer pid=%d) INFO:     \"%s %s HTTP/1.1\"\n", (int)s->pid, method, path);
	if (strncmp(path, "/v1/", 4) == 0 && !allowed) {
		answer(fd, 401, "{\"error\":\"Unauthorized\"}");
	} else if (strcmp(path, "/health") == 0 || strcmp(path, "/ping") == 0) {
		answer(fd, 200, "");
	} else if (strcmp(path, "/version") == 0) {
		answer(fd, 200, "{\"version\":\"0.32.0\"}");
	} else if (strcmp(path, "/metrics") == 0) {
		metrics(fd);
	} else if (strcmp(path, "/v1/models") == 0) {
		snprintf(line, sizeof line, "{\"object\":\"list\",\"data\":[{\"id\":\"%s\",\"object\":"
			 "\"model\",\"created\":1795000000,\"owned_by\":\"vllm\",\"root\":\"%s\","
			 "\"max_model_len\":%d}]}", s->name, s->model, s->max_len);
		answer(fd, 200, line);
	} else if (strcmp(path, "/v1/chat/completions") == 0 && strcmp(method, "POST") == 0) {
		complete(s, fd, body ? body : "");
	} else {
		answer(fd, 404, "{\"detail\":\"Not Found\"}");
	}
	free(body);
}

/* The processes that do the work: cores of the engine, and workers on this node's GPUs. */
enum { MAX_CORES = 8 };
static int core[MAX_CORES];

static void
start_cores(const struct server *s, bool native)
{
	int copy = s->tensor * s->pipeline, nodes = s->ranks.nnodes > 1 ? s->ranks.nnodes : 1;
	int here = s->ranks.data > 1 ? s->ranks.local ? s->ranks.local : s->ranks.data / nodes : 1;
	int workers = !native || copy == 1 ? 0 : here > 1 ? copy : copy * (s->ranks.data > 1 ? s->ranks.data : 1) / nodes;
	char title[32];

	fflush(stdout);
	if (s->ranks.headless && s->ranks.nnodes > 1) {
		for (int i = 0; i < workers && i < MAX_CORES; i++) {
			snprintf(title, sizeof title, "VLLM::Worker_TP%d", i);
			core[i] = titled(title, 0, NULL);
		}
		return;
	}
	for (int i = 0; i < here && i < MAX_CORES; i++) {
		snprintf(title, sizeof title, here > 1 ? "VLLM::EngineCore_DP%d" : "VLLM::EngineCore", i);
		core[i] = titled(title, workers, "VLLM::Worker_TP");
	}
}

static bool
core_died(void)
{
	bool died = false;

	for (int pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
		for (int i = 0; i < MAX_CORES; i++)
			died |= core[i] == pid;
	return died && !demand("blind");
}

/* They end with the server when that ends by itself. */
static void
end_cores(void)
{
	for (int i = 0; i < MAX_CORES; i++)
		if (core[i] > 0)
			kill(core[i], SIGTERM);
}

static int
http_loop(struct server *s)
{
	char line[64], cause[128];

	for (;;) {
		struct pollfd p[2] = { { .fd = s->listener, .events = POLLIN },
				       { .fd = s->lease, .events = POLLIN } };
		poll(p, 2, 100);
		if (core_died())
			return engine_died("Engine core proc EngineCore died unexpectedly, shutting down client.");
		if (stopping) {
			puts("INFO:     Shutting down\nINFO:     Waiting for application shutdown.\n"
			     "INFO:     Application shutdown complete.");
			printf("INFO:     Finished server process [%d]\n", (int)getpid());
			return 0;
		}
		if (dying)
			return engine_died("ValueError: Unsupported CPU attention configuration: head_dim=8");
		if (p[1].revents) {
			if (!recv_line(s->lease, line, sizeof line, 1000))
				snprintf(line, sizeof line, "LOST 0 head");
			snprintf(cause, sizeof cause, "RayWorkerProc rank=[%d] died unexpectedly, "
				 "shutting down executor.", atoi(line + 5));
			vlog("EngineCore", "ERROR", "ray_executor_v2.py:489", "%s", cause);
			return engine_died("RuntimeError: Executor failed.");
		}
		if (!(p[0].revents & POLLIN))
			continue;
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		fflush(stdout);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			signal(SIGTERM, SIG_DFL);
			close(s->listener);
			close(s->lease);
			serve_one(s, fd);
			fflush(stdout);
			_exit(0);
		}
		close(fd);
	}
}

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

/* False when the command line is not one of vLLM's; it has been said then. */
static bool
parse(struct server *s, int argc, char **argv)
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

/* Prints the first line of the file behind those words; false: it cannot be read, or is empty. */
static bool
show_file(const char *words, const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256] = "";
	bool ok = file && fgets(line, sizeof line, file);

	if (file)
		fclose(file);
	if (ok)
		vlog("APIServer", "INFO", "api_server.py:900", "%s %s", words, strtok(line, "\n"));
	return ok;
}

/* The files that arguments and variables name, as vLLM reads them; false: one is not there. */
static bool
read_files(const struct server *s)
{
	const char *log = getenv("VLLM_LOGGING_CONFIG_PATH");

	if (log && !show_file("Using logging config:", log)) {
		printf("RuntimeError: Could not load logging config. File does not exist: %s\n", log);
		return false;
	}
	/* A template may be the text itself. */
	if (!s->template || s->ranks.headless || strchr(s->template, '{') ||
	    show_file("Using supplied chat template:", s->template))
		return true;
	printf("ValueError: The supplied chat template string (%s) appears path-like, but doesn't "
	       "exist!\n", s->template);
	return false;
}

/* A rank without an API: it stays even when the first one is gone, as vLLM's do. */
static int
headless(struct server *s)
{
	const char *why;

	if (!ranks_join(&s->ranks))
		return stopping ? 0 : start_failed("torch.distributed.DistStoreError: Timed out waiting for "
						   "the first rank");
	if ((why = load(s)))
		return start_failed(why);
	start_cores(s, true);
	ranks_tell_loaded(&s->ranks);
	while (!stopping && !core_died())
		sleep_ms(100);
	end_cores();
	return 0;
}

int
vllm_main(int argc, char **argv)
{
	struct server s = { .host = "0.0.0.0", .port = 8000, .tensor = 1, .pipeline = 1,
			    .max_len = 512, .backend = "", .key = getenv("VLLM_API_KEY"),
			    .lease = -1, .pid = getpid() };
	const char *why;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts("0.32.0");
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "bench") == 0 && strcmp(argv[2], "serve") == 0)
		return bench_main(argc, argv);
	if (argc < 3 || strcmp(argv[1], "serve") != 0) {
		fputs("usage: vllm serve [model_tag] [options]\n", stderr);
		return 2;
	}
	if (!parse(&s, argc, argv))
		return 2;
	struct sigaction act = { .sa_handler = on_signal };
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	if (demand("deaf")) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_IGN);
	}
	load_now = mmap(NULL, sizeof *load_now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load_now == MAP_FAILED)
		return 1;
	load_now->since = now_ms();
	s.name = s.name ? s.name : s.model;
	vlog("APIServer", "INFO", "api_utils.py:347", "       version 0.32.0, model %s", s.model);
	bool native = ranks_native(&s.ranks, s.backend) || (s.tensor * s.pipeline == 1 && !*s.backend);
	s.ranks.stopping = &stopping;
	if (!ranks_check(&s.ranks, s.tensor * s.pipeline, s.backend))
		return 1;
	if (s.tensor * s.pipeline > 1 && !native && strcmp(s.backend, "ray") != 0) {
		printf("Value error, World size (%d) is larger than the number of available GPUs (1) in "
		       "this node. If this is intentional and you are using:\n- ray, set "
		       "'--distributed-executor-backend ray'.\n", s.tensor * s.pipeline);
		return 1;
	}
	if ((why = check_model(&s))) {
		printf("%s\n", why);
		return 1;
	}
	if (!read_files(&s))
		return 1;
	if (s.ranks.headless)
		return headless(&s);
	s.listener = tcp_listen(s.host, s.port);
	if (s.listener < 0) {
		printf("OSError: [Errno %d] %s\n", errno, strerror(errno));
		return 1;
	}
	if (native ? !ranks_gather(&s.ranks) : !reserve(&s))
		return stopping ? 0 : start_failed("ConnectionError: Could not find any running Ray instance.");
	if ((why = load(&s)))
		return start_failed(why);
	if (!ranks_loaded(&s.ranks))
		return 0;
	vlog("APIServer", "INFO", "api_server.py:581", "Starting vLLM server on http://%s:%d", s.host, s.port);
	puts("INFO:     Waiting for application startup.\nINFO:     Application startup complete.");
	start_cores(&s, native);
	int status = http_loop(&s);
	end_cores();
	return status;
}
