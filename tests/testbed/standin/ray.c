#include "standin.h"

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

/*
 * Ray as far as a cluster of containers shows it. The head listens; each line below is
 * what a peer says first.
 *
 *	JOIN <id> <address> <gpus>	a worker, which is told Ray's folder, then "RUN <n>", how
 *					many processes of a lease it has to run, and which
 *					says "DIED" of each that died; the connection is its life
 *	LEASE <n>			vllm; gets "WAIT ..." then "OK", then perhaps
 *					"LOST <rank> <address>"; the connection holds the GPUs
 *	STATUS, HEALTH			one answer, then the end
 */
enum { MAX_PEERS = 64, SILENCE_MS = 3000, BEAT_MS = 500 };

struct peer {
	int fd;                 /* -1: free; the head itself has fd -2 */
	enum { FRESH, NODE, LEASE } role;
	char id[57], address[64];
	int gpus, used;
	int want, take[MAX_PEERS];      /* LEASE: GPUs asked for, and taken of each peer */
	bool granted;
	long long observed;
};

static struct peer peers[MAX_PEERS];
/* Ray's folder: the head's is what it was told, a worker's is where the head's is. */
static char folder[128] = "/tmp/ray";

static const char *
session(void)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/ray_current_cluster", folder);
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

static void
run_actors(int n)
{
	for (; nactors < n && nactors < MAX_PEERS; nactors++)
		actors[nactors] = titled("ray::RayWorkerWrapper", 0, NULL);
	for (; nactors > n; nactors--)
		kill(actors[nactors - 1], SIGKILL);
}

/* How many of them died by another hand. */
static int
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

/* Tells a node how many it has to run. */
static void
tell_used(struct peer *p)
{
	if (p->fd == -2)
		run_actors(p->used);
	else if (p->fd >= 0)
		send_text(p->fd, "RUN %d\n", p->used);
}

/* A process of a lease died on that node: the lease hears of it, unless nobody notices. */
static void
actor_died(struct peer *p)
{
	size_t at = (size_t)(p - peers);

	p->used -= p->used > 0;
	for (size_t i = 0; i < MAX_PEERS; i++) {
		if (peers[i].role != LEASE || peers[i].fd < 0 || !peers[i].take[at])
			continue;
		peers[i].take[at]--;
		if (!demand("blind"))
			send_text(peers[i].fd, "LOST %zu %s\n", at, p->address);
		return;
	}
}

static void
drop(struct peer *p)
{
	size_t at = (size_t)(p - peers);

	if (p->role == LEASE)
		for (size_t i = 0; i < MAX_PEERS; i++) {
			peers[i].used -= p->take[i];
			if (p->take[i])
				tell_used(&peers[i]);
		}
	for (size_t i = 0; p->role == NODE && i < MAX_PEERS; i++) {
		if (peers[i].role == LEASE && peers[i].fd >= 0 && peers[i].take[at]) {
			peers[i].take[at] = 0;
			send_text(peers[i].fd, "LOST %zu %s\n", at, p->address);
		}
	}
	close(p->fd);
	*p = (struct peer){ .fd = -1 };
}

/* Give a waiting lease its GPUs when enough are free, this machine's first. */
static void
grant(struct peer *lease)
{
	int free_gpus = 0, left = lease->want;

	for (size_t i = 0; i < MAX_PEERS; i++)
		if (peers[i].role == NODE && peers[i].fd != -1)
			free_gpus += peers[i].gpus - peers[i].used;
	if (lease->granted || free_gpus < left)
		return;
	for (size_t i = 0; i < MAX_PEERS && left; i++) {
		if (peers[i].role != NODE || peers[i].fd == -1)
			continue;
		int n = peers[i].gpus - peers[i].used;
		n = n < left ? n : left;
		peers[i].used += lease->take[i] = n;
		left -= n;
		if (n)
			tell_used(&peers[i]);
	}
	lease->granted = true;
	send_text(lease->fd, "OK\n");
}

static void
print_status(int fd)
{
	int gpus = 0, used = 0, nodes = 0, want = 0;

	send_text(fd, "======== Autoscaler status: %s ========\nNode status\n"
		  "---------------------------------------------------------------\nActive:\n",
		  stamp("%Y-%m-%d %H:%M:%S", '.', 6));
	for (size_t i = 0; i < MAX_PEERS; i++) {
		if (peers[i].role == NODE && peers[i].fd != -1) {
			send_text(fd, " 1 node_%s\n", peers[i].id);
			nodes++;
			gpus += peers[i].gpus;
			used += peers[i].used;
		} else if (peers[i].role == LEASE && !peers[i].granted) {
			want = peers[i].want;
		}
	}
	send_text(fd, "Pending:\n (no pending nodes)\nRecent failures:\n (no failures)\n\n"
		  "Resources\n---------------------------------------------------------------\n"
		  "Total Usage:\n 0.0/%d.0 CPU\n", 2 * nodes);
	if (gpus && used)
		send_text(fd, " %d.0/%d.0 GPU (%d.0 used of %d.0 reserved in placement "
			  "groups)\n", used, gpus, used, used);
	else if (gpus)
		send_text(fd, " 0.0/%d.0 GPU\n", gpus);
	send_text(fd, " 0B/18.59GiB memory\n 0B/190.73MiB object_store_memory\n\n"
		  "From request_resources:\n (none)\nPending Demands:\n");
	if (want)
		send_text(fd, " {'GPU': 1.0} * %d (PACK): 1+ pending placement groups\n", want);
	else
		send_text(fd, " (no resource demands)\n");
}

static void
hear(struct peer *p)
{
	char line[256];

	if (!recv_line(p->fd, line, sizeof line, 1000)) {
		drop(p);
		return;
	}
	p->observed = now_ms();
	if (p->role == NODE && strcmp(line, "DIED") == 0)
		actor_died(p);
	if (p->role != FRESH)
		return;                 /* a beat */
	if (sscanf(line, "JOIN %56s %63s %d", p->id, p->address, &p->gpus) == 3) {
		p->role = NODE;
		send_text(p->fd, "%s\n", folder);
	} else if (sscanf(line, "LEASE %d", &p->want) == 1) {
		p->role = LEASE;
		grant(p);
		if (!p->granted)
			send_text(p->fd, "WAIT\n");
	} else {
		if (strcmp(line, "STATUS") == 0)
			print_status(p->fd);
		else if (strcmp(line, "HEALTH") == 0)
			send_text(p->fd, "OK\n");
		drop(p);
	}
}

static void
welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 1; i < MAX_PEERS; i++) {
		if (peers[i].fd == -1) {
			peers[i] = (struct peer){ .fd = fd, .observed = now_ms() };
			return;
		}
	}
	close(fd);
}

static void
head_loop(int listener)
{
	for (;;) {
		struct pollfd p[MAX_PEERS + 1];
		size_t who[MAX_PEERS + 1], n = 0;

		for (int died = actors_died(); died; died--)
			actor_died(&peers[0]);
		for (size_t i = 0; i < MAX_PEERS; i++) {
			if (peers[i].fd >= 0 && peers[i].role != LEASE &&
			    now_ms() - peers[i].observed > SILENCE_MS)
				drop(&peers[i]);
			if (peers[i].fd < 0)
				continue;
			if (peers[i].role == LEASE)
				grant(&peers[i]);
			who[n] = i;
			p[n++] = (struct pollfd){ .fd = peers[i].fd, .events = POLLIN };
		}
		p[n] = (struct pollfd){ .fd = listener, .events = POLLIN };
		if (poll(p, n + 1, 200) <= 0)
			continue;
		if (p[n].revents)
			welcome(listener);
		for (size_t i = 0; i < n; i++)
			if (p[i].revents && peers[who[i]].fd == p[i].fd)
				hear(&peers[who[i]]);
	}
}

/* A worker dials the head until it answers, then lives as long as the connection. */
static int
worker_loop(const char *head, const char *address, int gpus, void (*ready)(const char *))
{
	char id[57], line[sizeof folder];
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
	snprintf(folder, sizeof folder, "%s", line);
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
	char words[sizeof folder + 40];

	snprintf(words, sizeof words, "--session_dir=%s/session_latest", folder);
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
			snprintf(folder, sizeof folder, "%s", VALUE);
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
		peers[i].fd = -1;
	peers[0] = (struct peer){ .fd = -2, .role = NODE, .gpus = count_gpus(gpus) };
	random_hex(peers[0].id, sizeof peers[0].id);
	snprintf(peers[0].address, sizeof peers[0].address, "%s", ip);
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
