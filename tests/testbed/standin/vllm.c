#include "vllm.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static volatile sig_atomic_t stopping, dying;

struct load *load_now;

static void
on_signal(int sig)
{
	if (sig == SIGUSR1)
		dying = 1;
	else
		stopping = 1;
}

void
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

int
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
	if (!vllm_parse(&s, argc, argv))
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
