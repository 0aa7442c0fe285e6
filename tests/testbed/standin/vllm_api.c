#include "vllm.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
void
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
