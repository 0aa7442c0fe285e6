/* A sample of each event. */
#include <stdlib.h>
#include <string.h>

#include "planner/custom/event.h"

#define STEP "{\"address\":\"worker[gpu-2]\",\"kind\":\"worker\",\"node\":\"gpu-2\"," \
	"\"action\":\"replace\",\"reason\":\"gone\",\"cause\":\"its container is gone; exit 137\"," \
	"\"changes\":[]}"
#define SERVE "{\"address\":\"serve\",\"kind\":\"serve\",\"node\":\"gpu-1\",\"action\":\"restart\"," \
	"\"reason\":\"changed\",\"cause\":\"args.max-model-len changed\",\"changes\":[" \
	"{\"name\":\"args.max-model-len\",\"old\":\"32768\",\"new\":\"65536\",\"effect\":\"restart\"}]}"
#define PLAN "\"plan\":{\"add\":0,\"change\":0,\"replace\":1,\"restart\":1,\"destroy\":0,\"run\":0," \
	"\"unknown\":0,\"conflict\":0,\"unchanged\":6,\"image\":\"vllm/vllm-openai:v0.17.1\"," \
	"\"model\":\"meta-llama/Llama-3.1-405B-Instruct\"," \
	"\"commit\":\"be673f326cab4cd22ccfef76109faf68e41aa5f1\",\"layout\":{\"tensor\":8," \
	"\"pipeline\":2,\"data\":1,\"nodes\":2,\"backend\":\"ray\"},\"problems\":[{\"severity\":" \
	"\"warning\",\"node\":\"gpu-1\",\"text\":\"the clocks differ by 3 s\"}],\"steps\":[" STEP \
	"," SERVE "]}"

static const char *const samples[EVENT_COUNT] = {
	[EVENT_after_plan] = "{" PLAN "}",
	[EVENT_on_drift] = "{" PLAN ",\"drift\":[" STEP "]}",
	[EVENT_before_apply] = "{" PLAN "}",
	[EVENT_before_step] = "{\"step\":" SERVE "}",
	[EVENT_after_step] = "{\"step\":" SERVE ",\"seconds\":312.4,\"instance\":\"f6279f1a9f55\"}",
	[EVENT_step_failed] = "{\"step\":" SERVE ",\"seconds\":41.2,\"error\":\"CUDA out of memory\","
		"\"what\":\"vllm serve\",\"failed_on\":\"gpu-1\",\"status\":1,\"tail\":"
		"\"torch.OutOfMemoryError: CUDA out of memory.\"}",
	[EVENT_after_apply] = "{" PLAN ",\"outcome\":\"failed\",\"seconds\":360.1,\"ok\":1,"
		"\"failed\":1,\"skipped\":1,\"cancelled\":0,\"changed\":true,\"failures\":[{\"step\":"
		"\"serve\",\"error\":\"CUDA out of memory\"}]}",
	[EVENT_on_down] = "{\"state\":\"down\",\"why\":\"worker[gpu-2]: its container is gone; exit 137\","
		"\"since\":\"2026-11-30T03:12:40Z\",\"cause\":\"worker[gpu-2]: killed by the kernel\"}",
	[EVENT_on_up] = "{\"state\":\"serving\",\"why\":\"other requests get tokens\","
		"\"since\":\"2026-11-30T03:12:40Z\",\"seconds\":184.2,\"repaired\":true}",
};

static const char base[] = "{\"event\":\"\",\"command\":\"apply\",\"cluster\":\"llama-405b\","
	"\"spec\":\"cluster.yaml\",\"nodes\":[{\"name\":\"gpu-1\",\"host\":\"192.0.2.11\","
	"\"address\":\"192.0.2.11\",\"rank\":0,\"role\":\"head\",\"labels\":{\"rack\":\"a1\"},"
	"\"in_spec\":true},{\"name\":\"gpu-2\",\"host\":\"192.0.2.12\",\"address\":\"192.0.2.12\","
	"\"rank\":1,\"role\":\"worker\",\"labels\":{\"rack\":\"a2\"},\"in_spec\":true}]}";

/* A sample is valid JSON. */
static struct value *
event_sample_json(struct arena *a, const char *text)
{
	struct err e = {0};
	struct value *v = value_read(a, text, strlen(text), &e);

	if (!v)
		abort();
	return v;
}

struct value *
event_sample(struct arena *a, enum event event)
{
	struct value *v = event_sample_json(a, base), *own;

	value_set_text(a, v, "event", event_name(event));
	if (event == EVENT_before_plan)
		value_set_text(a, v, "command", "plan");
	if (event == EVENT_on_down || event == EVENT_on_up)
		value_set_text(a, v, "command", "watch");
	if (!samples[event])
		return v;
	own = event_sample_json(a, samples[event]);
	for (size_t i = 0; i < own->n; i++)
		value_set(a, v, own->key[i], own->item[i]);
	return v;
}
