/* The keys with which users add their own: hooks, steps, a list of nodes by program. The
 * texts here are what users read in the reference. */
#include "planner/fields.h"

#include "planner/spec.h"

#define AT(type, member) .offset = offsetof(struct type, member)

/* No dot, '[' or '@': it stands in addresses and in names of files. */
#define STEP_NAME "^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$"
#define STEP_NAME_MUST "must be letters, digits, '_' and '-', at most 63, a letter or a digit at " \
	"both ends"
#define STEPS_MUST "must be a kind (download), a step (command.scratch) or one on one node " \
	"(worker[gpu-2])"
#define STEPS "^[a-z][a-z0-9_]*([.][A-Za-z0-9_-]+)?([[][]A-Za-z0-9._:-]+[]])?$"

static const char *const events[] = {
#define EVENT(name, doc) #name,
#include "planner/events.def"
#undef EVENT
	NULL
};
static const char *const on_errors[] = {"fail", "warn", NULL};

static const struct field hook[] = {
	{.name = "file", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(spec_hook, file),
	 .pattern = LUA_FILE, .longest = 1024, .must = "must be the path of a Lua file (NAME.lua)",
	 .doc = "The Lua file, from the folder of the spec. It returns a table of functions, each "
		"named after the event it is for.",
	 .example = "hooks/notify.lua"},
	{.name = "on", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_hook, on),
	 .choices = events, .otherwise = "all that the file has functions for",
	 .doc = "The events for which the hook is called, or one of them.",
	 .example = "[after_apply, step_failed]"},
	{.name = "config", .type = FIELD_TREE, AT(spec_hook, config), .otherwise = "empty",
	 .doc = "What the hook is told beside the event, as ctx.config: any keys and values. A "
		"quoted value is a text; plain true, false and numbers are what they look like. "
		"Secrets are given as references (env:NAME), for ctx:secret().",
	 .example = "{url: 'https://chat.example/hook', room: ops}"},
	{.name = "timeout", .type = FIELD_NUMBER, AT(spec_hook, timeout), .fallback = "30",
	 .min = 1, .max = 86400, .unit = "seconds",
	 .doc = "How long one call may take, waiting included.", .example = "30"},
	{.name = "on_error", .type = FIELD_TEXT, AT(spec_hook, on_error), .fallback = "fail",
	 .choices = on_errors,
	 .doc = "What comes of an error in the hook: fail ends the command, or fails the step, "
		"as its event says; warn shows it and goes on. A veto is no error.",
	 .example = "warn"},
	{0},
};
const struct field_group hook_fields = {
	.name = "hooks", .field = hook, .size = sizeof(struct spec_hook),
	.at_offset = offsetof(struct spec_hook, at), .auto_offset = NO_OFFSET,
	.doc = "Lua files that are told what happens, and may forbid a plan: before_plan, after_plan, "
	       "on_drift, before_apply, before_step, after_step, step_failed, after_apply. They are "
	       "called in the order of the list, each in a state of its own.",
};

static const struct field step[] = {
	{.name = "command", .type = FIELD_TEXT, AT(spec_step, command), .pattern = STEP_NAME,
	 .must = STEP_NAME_MUST,
	 .doc = "The name of a step that is a command. Its address is command.NAME[NODE]. Either "
		"this, with run, or kind and name.",
	 .example = "scratch"},
	{.name = "kind", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_step, kind),
	 .pattern = "^[a-z][a-z0-9_]*$", .longest = 32,
	 .must = "must be the name of a kind: small letters, digits and '_'",
	 .doc = "The step's kind, as one of the files under kinds defines it.", .example = "nfs"},
	{.name = "name", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_step, name),
	 .pattern = STEP_NAME, .must = STEP_NAME_MUST,
	 .doc = "The name of a step with a kind. Its address is KIND.NAME[NODE].",
	 .example = "models"},
	{.name = "nodes", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_step, nodes),
	 .pattern = "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$", .longest = 255,
	 .must = "must be head, workers, all, or names of nodes",
	 .doc = "Where the step is done, once on each: head, workers (all others), all, or the names "
		"of nodes. One of node and nodes is required.",
	 .example = "all"},
	{.name = "node", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_step, node),
	 .pattern = "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$", .longest = 255,
	 .must = "must be the name of a node, or head",
	 .doc = "The one node where the step is done: head, or its name.", .example = "gpu-1"},
	{.name = "run", .type = FIELD_TEXT, .flags = FIELD_LINES, AT(spec_step, run),
	 .doc = "The command: a script for sh, which may have many lines. A command has done its "
		"work when it ends with status 0. A shell's ${NAME} is written $${NAME} here, or "
		"$NAME. When run changes, it is run again.",
	 .example = "mkdir -p /scratch/dray"},
	{.name = "check", .type = FIELD_TEXT, .flags = FIELD_LINES, AT(spec_step, check),
	 .otherwise = "none: what was done once is taken to be in place",
	 .doc = "A script that says whether the command's work is in place: status 0 if it is. It "
		"is run by every plan, so it must change nothing and be quick.",
	 .example = "test -d /scratch/dray"},
	{.name = "creates", .type = FIELD_TEXT, AT(spec_step, creates),
	 .pattern = "^/", .longest = 4096, .must = "must be an absolute path",
	 .doc = "The command's work is in place when this path exists. With check as well, both "
		"must hold.",
	 .example = "/scratch/dray"},
	{.name = "undo", .type = FIELD_TEXT, .flags = FIELD_LINES, AT(spec_step, undo),
	 .otherwise = "nothing is undone",
	 .doc = "The script that takes it away again: on destroy, when the step has left the spec, "
		"and when -replace asks for it. It is kept on the node with the step's record, so "
		"it works when the spec does not have it any more. It is run also when the "
		"work is gone already, and must end well then.",
	 .example = "rm -rf /scratch/dray"},
	{.name = "with", .type = FIELD_TREE, .flags = FIELD_ASIDE, AT(spec_step, with),
	 .otherwise = "empty",
	 .doc = "The fields of a step with a kind, as the kind defines them: dray kinds show NAME.",
	 .example = "{server: 10.0.0.9, path: /export}"},
	{.name = "before", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_step, before),
	 .pattern = STEPS, .longest = 400, .must = STEPS_MUST, .otherwise = "none",
	 .doc = "Steps that wait for this one: kinds (download), steps (command.scratch) or one "
		"step on one node (worker[gpu-2]). What is named without a node is meant on all "
		"nodes.",
	 .example = "[download]"},
	{.name = "after", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_step, after),
	 .pattern = STEPS, .longest = 400, .must = STEPS_MUST, .otherwise = "none",
	 .doc = "Steps that this one waits for.", .example = "[image]"},
	{.name = "follows", .type = FIELD_TEXTS, .flags = FIELD_ONE | FIELD_ASIDE,
	 AT(spec_step, follows), .pattern = STEPS, .longest = 400, .must = STEPS_MUST,
	 .otherwise = "none",
	 .doc = "The same, and the step is done again when one of these has been started anew: with "
		"serve, after every restart of the server.",
	 .example = "[serve]"},
	{.name = "timeout", .type = FIELD_NUMBER, AT(spec_step, timeout),
	 .otherwise = "300, or what the kind says", .min = 1, .max = 86400, .unit = "seconds",
	 .doc = "How long each run, check or undo may take, or each call of the kind's functions.",
	 .example = "300"},
	{0},
};
const struct field_group step_fields = {
	.name = "steps", .field = step, .size = sizeof(struct spec_step),
	.at_offset = offsetof(struct spec_step, at), .auto_offset = NO_OFFSET,
	.doc = "Steps of your own between those of dray, planned, applied, repaired and destroyed as "
	       "those are. Each is either a command or of a kind that is a Lua file. A step that "
	       "waits for nothing starts at once, and nothing waits for it unless before says so.",
};

static const struct field inventory[] = {
	{.name = "lua", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(spec, inventory),
	 .pattern = LUA_FILE, .longest = 1024, .must = "must be the path of a Lua file (NAME.lua)",
	 .doc = "The Lua file, from the folder of the spec. Its function nodes(ctx) returns the list.",
	 .example = "inventory.lua"},
	{.name = "config", .type = FIELD_TREE, AT(spec, inventory_config), .otherwise = "empty",
	 .doc = "What the file is told, as ctx.config.", .example = "{region: us-east-1}"},
	{0},
};
const struct field_group inventory_fields = {
	.name = "nodes", .field = inventory, .size = sizeof(struct spec),
	.at_offset = NO_OFFSET, .auto_offset = NO_OFFSET,
	.doc = "Instead of a list, nodes can be a map that names a Lua file: its function nodes(ctx) "
	       "returns the list, with the keys of a node. What a program says is taken as it is: "
	       "ranges and ${...} mean nothing in it. Mistakes in it are shown in the Lua file.",
};
