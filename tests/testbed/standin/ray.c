#include "ray.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct peer ray_peers[MAX_PEERS];
/* Ray's folder: the head's is what it was told, a worker's is where the head's is. */
char ray_folder[128] = "/tmp/ray";

static const char *
session(void)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/ray_current_cluster", ray_folder);
	return path;
}

const char *
ray_address(void)
{
	static char buf[128];
	const char *env = getenv("RAY_ADDRESS");
	char *text = env && *env ? NULL : read_file(session());

	snprintf(buf, sizeof buf, "%s", env && *env ? env : text ? text : "127.0.0.1:6379");
	buf[strcspn(buf, "\n")] = '\0';
	free(text);
	return buf;
}

static void
random_hex(char *out, size_t n)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	unsigned char c = 0;

	for (size_t i = 0; i + 1 < n; i++) {
		if (fd >= 0 && read(fd, &c, 1) != 1)
			c = (unsigned char)i;
		out[i] = "0123456789abcdef"[c & 15];
	}
	out[n - 1] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The processes of leases on this node, one for each GPU. */
static int actors[MAX_PEERS], nactors;

void
run_actors(int n)
{
	for (; nactors < n && nactors < MAX_PEERS; nactors++)
		actors[nactors] = titled("ray::RayWorkerWrapper", 0, NULL);
	for (; nactors > n; nactors--)
		kill(actors[nactors - 1], SIGKILL);
}

/* How many of them died by another hand. */
int
actors_died(void)
{
	int died = 0, status;

	for (int pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (int i = 0; i < nactors; i++)
			if (actors[i] == pid) {
				actors[i] = actors[--nactors];
				died++;
			}
	return died;
}

/* A worker dials the head until it answers, then lives as long as the connection. */
static int
worker_loop(const char *head, const char *address, int gpus, void (*ready)(const char *))
{
	char id[57], line[sizeof ray_folder];
	long long said = now_ms();
	int fd;

	random_hex(id, sizeof id);
	while ((fd = tcp_dial(head, 1000)) < 0) {
		if (now_ms() - said >= 5000) {
			said = now_ms();
			printf("[%s W 1 1] rpc_client.h:153: Failed to connect to GCS at address "
			       "%s within 5 seconds.\n", stamp("%Y-%m-%d %H:%M:%S", ',', 3), head);
		}
		sleep_ms(100);
	}
	if (!send_text(fd, "JOIN %s %s %d\n", id, address, gpus) ||
	    !recv_line(fd, line, sizeof line, 5000)) {
		printf("%s\tERR scripts.py:1180 -- the head closed the connection\n",
		       stamp("%Y-%m-%d %H:%M:%S", ',', 3));
		return 1;
	}
	snprintf(ray_folder, sizeof ray_folder, "%s", line);
	ready(head);
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, BEAT_MS) > 0) {
			if (!recv_line(fd, line, sizeof line, 1000))
				break;
			if (strncmp(line, "RUN ", 4) == 0)
				run_actors(atoi(line + 4));
			continue;
		}
		for (int died = actors_died(); died; died--)
			send_text(fd, "DIED\n");
		if (!send_text(fd, "BEAT\n"))
			break;
	}
	run_actors(0);
	printf("%s\tERR scripts.py:1180 -- Some Ray subprocesses exited unexpectedly:\n"
	       "  raylet [exit code=1]\n", stamp("%Y-%m-%d %H:%M:%S", ',', 3));
	return 1;
}

static void
say(const char *level, int line, const char *text)
{
	printf("%s\t%s scripts.py:%d -- %s\n", stamp("%Y-%m-%d %H:%M:%S", ',', 3), level, line,
	       text);
}

/* Ray's own processes name its folder in their words, which is how one knows where a worker's
 * Ray has its files. */
static void
raylet(void)
{
	char words[sizeof ray_folder + 40];

	snprintf(words, sizeof words, "--session_dir=%s/session_latest", ray_folder);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/proc/self/exe", "raylet", words, (char *)NULL);
		_exit(1);
	}
}

static void
started(const char *address)
{
	FILE *f;

	raylet();
	if (make_dirs(session()) && (f = fopen(session(), "w"))) {
		fprintf(f, "%s\n", address);
		fclose(f);
	}
	say("SUCC", 975, "--------------------");
	say("SUCC", 976, "Ray runtime started.");
	say("SUCC", 977, "--------------------");
	say("INFO", 1032, "To terminate the Ray runtime, run");
	say("INFO", 1033, "  ray stop");
	say("INFO", 1155, "--block");
	say("INFO", 1156, "This command will now block forever until terminated by a signal.");
}

/* GPUs: a demand, --num-gpus, or the number after "GPU" in RAY_OVERRIDE_RESOURCES. */
static int
count_gpus(int flag)
{
	const char *over = getenv("RAY_OVERRIDE_RESOURCES"), *want = demand("gpus");

	if (want)
		return atoi(want);
	if (flag >= 0)
		return flag;
	over = over ? strstr(over, "\"GPU\"") : NULL;
	over = over ? strchr(over, ':') : NULL;
	return over ? atoi(over + 1) : 0;
}

static void
stop(int sig)
{
	(void)sig;
	run_actors(0);
	_exit(0);
}

static int
start(int argc, char **argv)
{
	const char *head = NULL, *ip = getenv("VLLM_HOST_IP"), *v;
	bool is_head = false, block = false;
	int port = 6379, gpus = -1;
	char self[128], text[160];

	for (int i = 2; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');
		size_t n = eq ? (size_t)(eq - argv[i]) : strlen(argv[i]);
#define FLAG(s) (n == sizeof(s) - 1 && strncmp(argv[i], s, n) == 0)
#define VALUE (eq ? eq + 1 : i + 1 < argc ? argv[++i] : "")
		if (FLAG("--head"))
			is_head = true;
		else if (FLAG("--block"))
			block = true;
		else if (FLAG("--address"))
			head = VALUE;
		else if (FLAG("--node-ip-address"))
			ip = VALUE;
		else if (FLAG("--port"))
			port = (v = VALUE, atoi(v));
		else if (FLAG("--temp-dir"))
			snprintf(ray_folder, sizeof ray_folder, "%s", VALUE);
		else if (FLAG("--num-gpus"))
			gpus = (v = VALUE, atoi(v));
		else if (FLAG("--disable-usage-stats") || FLAG("--include-dashboard=false"))
			;
		else if (strncmp(argv[i], "--", 2) == 0 && eq)
			;               /* many options of Ray that change nothing here */
		else {
			fprintf(stderr, "Usage: ray start [OPTIONS]\nTry 'ray start --help' for "
				"help.\n\nError: No such option: %s\n", argv[i]);
			return 2;
		}
	}
	if (!is_head && !head) {
		fprintf(stderr, "Error: `ray start` must be called with --head or --address\n");
		return 1;
	}
	signal(SIGTERM, stop);
	signal(SIGINT, stop);
	ip = ip && *ip ? ip : "127.0.0.1";
	snprintf(text, sizeof text, "Local node IP: %s", ip);
	say("INFO", is_head ? 936 : 1124, text);
	sleep_ms(demand_ms("ray-slow", 0));
	if (demand("ray-die")) {
		say("ERR", 1180, "raylet exited: out of shared memory");
		return 1;
	}
	if (!block) {
		fprintf(stderr, "standin: only `ray start --block` is played\n");
		return 2;
	}
	if (!is_head)
		return worker_loop(head, ip, count_gpus(gpus), started);
	for (size_t i = 0; i < MAX_PEERS; i++)
		ray_peers[i].fd = -1;
	ray_peers[0] = (struct peer){ .fd = -2, .role = NODE, .gpus = count_gpus(gpus) };
	random_hex(ray_peers[0].id, sizeof ray_peers[0].id);
	snprintf(ray_peers[0].address, sizeof ray_peers[0].address, "%s", ip);
	int listener = tcp_listen("0.0.0.0", port);
	if (listener < 0) {
		printf("ConnectionError: Ray is trying to start at %s:%d, but is already running "
		       "at %s:%d. Please specify a different port using the `--port` flag of "
		       "`ray start` command.\n", ip, port, ip, port);
		return 1;
	}
	snprintf(self, sizeof self, "%s:%d", ip, port);
	started(self);
	head_loop(listener);
	return 0;
}

static int
ask(const char *what, const char *address)
{
	char buf[4096];
	bool any = false;
	ssize_t n;
	int fd = tcp_dial(address, 2000);

	if (fd < 0) {
		fprintf(stderr, "ConnectionError: Could not find any running Ray instance. Please "
			"specify the one to connect to by setting `--address` flag or `RAY_ADDRESS` "
			"environment variable.\n");
		return 1;
	}
	send_text(fd, "%s\n", what);
	while ((n = read(fd, buf, sizeof buf)) > 0) {
		any = true;
		if (strcmp(what, "STATUS") == 0)
			fwrite(buf, 1, (size_t)n, stdout);
	}
	close(fd);
	return any ? 0 : 1;
}

int
ray_main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "", *address = ray_address();

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], "--address=", 10) == 0)
			address = argv[i] + 10;
		else if (strcmp(argv[i], "--address") == 0 && i + 1 < argc)
			address = argv[i + 1];
	}
	if (strcmp(cmd, "start") == 0)
		return start(argc, argv);
	if (strcmp(cmd, "status") == 0)
		return ask("STATUS", address);
	if (strcmp(cmd, "health-check") == 0)
		return ask("HEALTH", address);
	if (strcmp(cmd, "stop") == 0)
		return 0;
	if (strcmp(cmd, "--version") == 0) {
		puts("ray, version 2.54.1");
		return 0;
	}
	fprintf(stderr, "Usage: ray [OPTIONS] COMMAND [ARGS]...\n\nError: No such command '%s'.\n", cmd);
	return 2;
}
