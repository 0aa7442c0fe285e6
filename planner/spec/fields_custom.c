/* The keys for the user's own hooks, steps and inventory. Users read these strings in the
 * reference. */
#include "planner/base/limits.h"
#include "planner/spec/fields.h"

#include "planner/spec/spec.h"

/* No dot, '[' or '@': it is part of step addresses and file names. */
#define STEP_NAME "^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$"
#define STEP_NAME_MUST "must be at most 63 letters, digits, '_' and '-', with a letter or digit at " \
	"both ends"
#define STEPS_MUST "must be a kind (download), a step (command.scratch) or one on one node " \
	"(worker[gpu-2])"
#define STEPS "^[a-z][a-z0-9_]*([.][A-Za-z0-9_-]+)?([[][]A-Za-z0-9._:-]+[]])?$"

static const char *const events[] = {
#define EVENT(name) #name,
#include "planner/spec/events.def"
#undef EVENT
	NULL
};
static const char *const on_errors[] = {"fail", "warn", NULL};

static const struct field hook[] = {
	{.name = "file", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(spec_hook, file),
	 .pattern = LUA_FILE, .longest = 1024, .must = "must be the path of a Lua file (NAME.lua)",
	 .doc = "The Lua file; its path is relative to the spec. It returns a table of functions, "
		"each named after its event.",
	 .example = "hooks/notify.lua"},
	{.name = "on", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_hook, on),
	 .choices = events, .otherwise = "all for which the file has a function",
	 .doc = "The events for which the hook is called; one event or a list.",
	 .example = "[after_apply, step_failed]"},
	{.name = "config", .type = FIELD_TREE, AT(spec_hook, config), .otherwise = "empty",
	 .doc = "Any keys and values, which the hook gets as ctx.config. Quoted values are strings; "
		"plain true, false and numbers are what they look like. Write secrets as references "
		"(env:NAME), for ctx:secret().",
	 .example = "{url: 'https://chat.example/hook', room: ops}"},
	{.name = "timeout", .type = FIELD_NUMBER, AT(spec_hook, timeout), .fallback = HOOK_LIMIT_text,
	 .min = 1, .max = 86400, .unit = "seconds",
	 .doc = "How long one call may take, including waiting.", .example = "30"},
	{.name = "on_error", .type = FIELD_TEXT, AT(spec_hook, on_error), .fallback = "fail",
	 .choices = on_errors,
	 .doc = "What an error in the hook does: fail ends the command or fails the step, depending "
		"on the event; warn shows it and continues. A veto is not an error.",
	 .example = "warn"},
	{0},
};
const struct field_group hook_fields = {
	.name = "hooks", .field = hook, .size = sizeof(struct spec_hook),
	.at_offset = offsetof(struct spec_hook, at), .auto_offset = NO_OFFSET,
	.bare = "file",
	.doc = "Lua files that are called when something happens, and may veto a plan. The events are "
	       "before_plan, after_plan, on_drift, before_apply, before_step, after_step, "
	       "step_failed, after_apply, and on_down and on_up of 'dray watch'. Hooks are called in "
	       "the order of the list, each in its own Lua state.",
};

static const struct field step[] = {
	{.name = "command", .type = FIELD_TEXT, AT(spec_step, command), .pattern = STEP_NAME,
	 .must = STEP_NAME_MUST,
	 .doc = "The name of a step that is a command. Its address is command.NAME[NODE]. Give "
		"either this and run, or kind and name.",
	 .example = "scratch"},
	{.name = "kind", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_step, kind),
	 .pattern = "^[a-z][a-z0-9_]*$", .longest = 32,
	 .must = "must be the name of a kind: lower-case letters, digits and '_'",
	 .doc = "The step's kind, which one of the files under kinds defines.", .example = "nfs"},
	{.name = "name", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_step, name),
	 .pattern = STEP_NAME, .must = STEP_NAME_MUST,
	 .doc = "The name of a step with a kind. Its address is KIND.NAME[NODE].",
	 .example = "models"},
	{.name = "nodes", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_step, nodes),
	 .pattern = "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$", .longest = 255,
	 .must = "must be head, workers, all, or names of nodes",
	 .doc = "The nodes on which the step runs: head, workers (all others), all, or names of "
		"nodes. Either node or nodes is required.",
	 .example = "all"},
	{.name = "node", .type = FIELD_TEXT, .flags = FIELD_ASIDE, AT(spec_step, node),
	 .pattern = "^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$", .longest = 255,
	 .must = "must be the name of a node, or head",
	 .doc = "The one node on which the step runs: head, or its name.", .example = "gpu-1"},
	{.name = "run", .type = FIELD_TEXT, .flags = FIELD_LINES, AT(spec_step, run),
	 .doc = "The command: a script for sh, which may have many lines. It succeeds if it ends with "
		"status 0. Write a shell's ${NAME} as $${NAME} or $NAME. It runs again if run changes, "
		"or if it was interrupted. The node records how it ended, so a lost connection does "
		"not make it run twice.",
	 .example = "mkdir -p /scratch/dray"},
	{.name = "check", .type = FIELD_TEXT, .flags = FIELD_LINES, AT(spec_step, check),
	 .otherwise = "none: what was done once counts as done",
	 .doc = "A script that says whether the command's work is in place: status 0 if it is. Every "
		"plan runs it, so it must change nothing and be quick.",
	 .example = "test -d /scratch/dray"},
	{.name = "creates", .type = FIELD_TEXT, AT(spec_step, creates),
	 .pattern = "^/", .longest = 4096, .must = "must be an absolute path",
	 .doc = "The command's work is in place if this path exists. If check is given too, both "
		"must hold.",
	 .example = "/scratch/dray"},
	{.name = "undo", .type = FIELD_TEXT, .flags = FIELD_LINES, AT(spec_step, undo),
	 .otherwise = "nothing is undone",
	 .doc = "The script that undoes the command: on destroy, after the step was removed from the "
		"spec, and with -replace. It is stored on the node with the step's record, so it "
		"still works when the spec no longer has it. It also runs if the work is already "
		"gone, and must succeed then too.",
	 .example = "rm -rf /scratch/dray"},
	{.name = "with", .type = FIELD_TREE, .flags = FIELD_ASIDE, AT(spec_step, with),
	 .otherwise = "empty",
	 .doc = "The fields of a step with a kind, as the kind defines them: dray kinds show NAME.",
	 .example = "{server: 10.0.0.9, path: /export}"},
	{.name = "before", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_step, before),
	 .pattern = STEPS, .longest = 400, .must = STEPS_MUST, .otherwise = "none",
	 .doc = "Steps that wait for this one: kinds (download), steps (command.scratch) or one "
		"step on one node (worker[gpu-2]). A name without a node means all nodes.",
	 .example = "[download]"},
	{.name = "after", .type = FIELD_TEXTS, .flags = FIELD_ONE, AT(spec_step, after),
	 .pattern = STEPS, .longest = 400, .must = STEPS_MUST, .otherwise = "none",
	 .doc = "Steps that this one waits for.", .example = "[image]"},
	{.name = "follows", .type = FIELD_TEXTS, .flags = FIELD_ONE | FIELD_ASIDE,
	 AT(spec_step, follows), .pattern = STEPS, .longest = 400, .must = STEPS_MUST,
	 .otherwise = "none",
	 .doc = "Like after, and the step also runs again whenever one of these was restarted: with "
		"serve, after every restart of the server.",
	 .example = "[serve]"},
	{.name = "timeout", .type = FIELD_NUMBER, AT(spec_step, timeout),
	 .otherwise = "that of the kind, or 300", .min = 1, .max = 86400, .unit = "seconds",
	 .doc = "How long each run, check or undo may take, or each call of the kind's functions.",
	 .example = "300"},
	{0},
};
const struct field_group step_fields = {
	.name = "steps", .field = step, .size = sizeof(struct spec_step),
	.at_offset = offsetof(struct spec_step, at), .auto_offset = NO_OFFSET,
	.doc = "Your own steps, which dray plans, applies, repairs and destroys like its own. Each is "
	       "either a command or of a kind that a Lua file defines. A step that waits for nothing "
	       "starts at once, and nothing waits for it unless before says so.",
};

static const struct field inventory[] = {
	{.name = "lua", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(spec, inventory),
	 .pattern = LUA_FILE, .longest = 1024, .must = "must be the path of a Lua file (NAME.lua)",
	 .doc = "The Lua file; its path is relative to the spec. Its function nodes(ctx) returns the "
		"list.",
	 .example = "inventory.lua"},
	{.name = "config", .type = FIELD_TREE, AT(spec, inventory_config), .otherwise = "empty",
	 .doc = "Any keys and values, which the file gets as ctx.config.",
	 .example = "{region: us-east-1}"},
	{0},
};
const struct field_group inventory_fields = {
	.name = "nodes", .field = inventory, .size = sizeof(struct spec),
	.at_offset = NO_OFFSET, .auto_offset = NO_OFFSET,
	.doc = "Instead of a list, nodes can be a map that names a Lua file. Its function nodes(ctx) "
	       "returns the list, with the keys of a node. Ranges and ${...} are not expanded in it. "
	       "Errors in it are shown at lines of the Lua file.",
};
