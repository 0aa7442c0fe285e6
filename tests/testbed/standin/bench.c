#include "standin.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * vllm bench serve: asks the API once if it takes the key, then prints and writes what v0.32.0
 * did of a tiny model on a CPU, with numbers that come from its arguments.
 */
struct bench {
	const char *url, *model, *name, *dir, *file;
	long prompts, at_a_time, input, output;
};

/* The first line of the answer to a request with OPENAI_API_KEY is 200. */
static bool
bench_api_answers(const struct bench *b)
{
	const char *key = getenv("OPENAI_API_KEY"), *at = strstr(b->url, "://");
	char line[256];
	int fd = at ? tcp_dial(at + 3, 2000) : -1;
	bool ok;

	if (fd < 0)
		return false;
	ok = send_text(fd, "GET /v1/models HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n", key ? key : "") &&
		recv_line(fd, line, sizeof line, 5000) && strstr(line, " 200 ");
	close(fd);
	return ok;
}

static bool
bench_write(const struct bench *b, long failed)
{
	char path[1024];
	double n = (double)b->at_a_time, rate = 12.5 * n;
	long done = b->prompts - failed;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", b->dir, b->file);
	f = fopen(path, "w");
	if (!f)
		return false;
	fprintf(f, "{\"date\": \"20261130-120000\", \"endpoint_type\": \"openai\", \"backend\": \"openai\", "
		"\"label\": null, \"model_id\": \"%s\", \"tokenizer_id\": \"%s\", \"num_prompts\": %ld, "
		"\"request_rate\": \"inf\", \"burstiness\": 1.0, \"max_concurrency\": %ld, \"duration\": %.3f, "
		"\"completed\": %ld, \"failed\": %ld, \"total_input_tokens\": %ld, \"total_output_tokens\": %ld, "
		"\"request_throughput\": %.4f, \"request_goodput\": null, \"output_throughput\": %.4f, "
		"\"total_token_throughput\": %.4f, \"max_output_tokens_per_s\": 900.0, "
		"\"max_concurrent_requests\": %ld, \"rtfx\": 0.0, "
		"\"mean_ttft_ms\": %.3f, \"median_ttft_ms\": %.3f, \"std_ttft_ms\": 1.5, \"p99_ttft_ms\": %.3f, "
		"\"mean_tpot_ms\": 4.1, \"median_tpot_ms\": %.3f, \"std_tpot_ms\": 0.2, \"p99_tpot_ms\": %.3f, "
		"\"mean_itl_ms\": 4.1, \"median_itl_ms\": 4.0, \"std_itl_ms\": 0.2, \"p99_itl_ms\": 5.0}",
		b->model, b->model, b->prompts, b->at_a_time, (double)b->prompts / rate, done, failed,
		done * b->input, done * b->output, rate, rate * (double)b->output, rate * (double)(b->input + b->output),
		b->at_a_time, 20 + n, 20 + n, 30 + 2 * n, 4 + n / 10, 5 + n / 10);
	return fclose(f) == 0;
}

int
bench_main(int argc, char **argv)
{
	struct bench b = {.url = "", .model = "", .name = "", .dir = ".", .file = "result.json", .prompts = 1000,
		.at_a_time = 1, .input = 1024, .output = 128};
	static const char *const valued[] = {"--backend", "--endpoint", "--tokenizer", "--tokenizer-mode",
		"--dataset-name", "--seed", "--percentile-metrics", "--metric-percentiles", NULL};
	const char *lacks = demand("bench-lacks"), *fails = demand("bench-fail");
	long failed = fails ? atol(fails) : 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (lacks) {
		fprintf(stderr, "Traceback (most recent call last):\n  File \"/bin/vllm\", line 3, in <module>\n"
			"ModuleNotFoundError: No module named '%s'\n", lacks);
		return 1;
	}
	for (int i = 3; i < argc; i++) {
		const char *v = i + 1 < argc ? argv[i + 1] : "";
		const struct { const char *name, **text; long *number; } known[] = {
			{"--base-url", &b.url, NULL}, {"--model", &b.model, NULL}, {"--served-model-name", &b.name, NULL},
			{"--result-dir", &b.dir, NULL}, {"--result-filename", &b.file, NULL},
			{"--num-prompts", NULL, &b.prompts}, {"--max-concurrency", NULL, &b.at_a_time},
			{"--random-input-len", NULL, &b.input}, {"--random-output-len", NULL, &b.output}};
		bool found = strcmp(argv[i], "--save-result") == 0 || strcmp(argv[i], "--ignore-eos") == 0 ||
			strcmp(argv[i], "--trust-remote-code") == 0;

		for (size_t k = 0; !found && k < sizeof known / sizeof *known; k++) {
			if (strcmp(argv[i], known[k].name) != 0)
				continue;
			if (known[k].text)
				*known[k].text = v;
			else
				*known[k].number = atol(v);
			found = true;
			i++;
		}
		for (const char *const *p = valued; !found && *p; p++)
			if (strcmp(argv[i], *p) == 0)
				found = true, i++;
		if (!found) {
			fprintf(stderr, "usage: vllm bench serve [options]\nvllm bench serve: error: unrecognized "
				"arguments: %s\n", argv[i]);
			return 2;
		}
	}
	puts("Starting initial single prompt test run...\nStarting main benchmark run...");
	printf("Traffic request rate: inf\nMaximum request concurrency: %ld\n", b.at_a_time);
	for (long ms = demand_ms("bench-slow", 0), i = 0; i <= 4; i++) {
		fprintf(stderr, "\r %ld%%|##########| %ld/%ld [00:%02ld<00:%02ld, 12.50it/s]", 25 * i, b.prompts * i / 4,
			b.prompts, ms * i / 4000, ms * (4 - i) / 4000);
		sleep_ms(i < 4 ? ms / 4 : 0);
	}
	if (!bench_api_answers(&b))
		failed = b.prompts;
	if (failed > b.prompts)
		failed = b.prompts;
	if (failed)
		puts("\nFailed requests during benchmark run detected (capping to 10):");
	for (long i = 0; i < failed && i < 10; i++)
		printf("Error %ld: %s\n", i, fails ? "Internal Server Error" : "Unauthorized");
	printf("\n============ Serving Benchmark Result ============\n");
	printf("Successful requests:                     %-10ld\n", b.prompts - failed);
	printf("Failed requests:                         %-10ld\n", failed);
	return bench_write(&b, failed) ? 0 : 1;
}
