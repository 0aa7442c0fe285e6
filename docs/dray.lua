---@meta dray
-- Annotations for the Lua language server; made by 'dray hooks api -format luals'.

---@class dray.run
---@field argv (string|integer)[] The program and its arguments.
---@field node? string The name of a node. Without it: the node of the step that the event or the kind is about, else the head.
---@field stdin? string What the program reads; secrets go here, never into `argv`.
---@field timeout? integer Seconds, after which the program is ended and an error raised; 600 without it.
---@field check? boolean true: an exit code other than 0 is an error.

---@class dray.ran
---@field status integer The exit code.
---@field out string What it wrote to standard output, as it was; more than 8 MiB are an error.
---@field err string What it wrote to standard error.

---@class dray.http
---@field url string http:// or https://
---@field method? string GET, or POST when there is a body.
---@field headers? table<string, string> 
---@field body? string The bytes to send.
---@field json? any Plain data to send as JSON, instead of `body`.
---@field node? string Through the connection to this node, as seen from there (`http://127.0.0.1:8000`), instead of from this machine.
---@field timeout? integer Seconds for all of it; 30 without it.

---@class dray.answer
---@field status integer 200, 404, ...
---@field headers table<string, string> Names in lower case.
---@field body string The bytes that came.
---@field json fun(self: dray.answer): any `a:json()`: the body read as JSON; an error when it is none.

---@class dray.ctx
---@field config table config: of the hook or the inventory
---@field node? string of a step kind: the node of the step
---@field step? string of a step kind: its address
local ctx = {}

---Runs a program on a node, through its executor, and waits for it. No shell: each word of `argv` stays one word. Words may also stand alone: `ctx:run{"ls", "-l", node = n}`. It starts in the home directory. The exit code is an answer, not an error, unless `check` is set.
---@param options dray.run 
---@return dray.ran
function ctx:run(options) end

---Asks a web server and waits for the answer. Any status is an answer, not an error; an answer of more than 4 MiB is one. A GET follows up to five redirects.
---@param options dray.http 
---@return dray.answer
function ctx:http(options) end

---Waits so many seconds.
---@param seconds number Up to a day.
function ctx:sleep(seconds) end

---Reads JSON: objects and lists become tables, null becomes nil.
---@param text string 
---@return any
function ctx:json(text) end

---Writes plain data as one line of JSON with sorted keys. An empty table is an object.
---@param value any 
---@return string
function ctx:to_json(value) end

---Says something to the user. With more arguments the first is a format as of string.format; tables are shown as JSON.
---@param format string 
---@param ... any 
function ctx:log(format, ...) end

---The same as a warning.
---@param format string 
---@param ... any 
function ctx:warn(format, ...) end

---The secret that a reference names (`env:NAME`, `file:PATH`, `cmd:WORDS`). It is masked wherever dray prints, when it has at least four characters.
---@param reference string 
---@return string
function ctx:secret(reference) end

---A file in the folder of the spec or below, read whole.
---@param path string 
---@return string
function ctx:file(path) end

---Seconds since 1970.
---@return number
function ctx:now() end

---@class dray.step.changes
---@field name string the attribute
---@field old? string what is there; nil: nothing, or a secret
---@field new? string what is wanted; nil: nothing, a secret, or not known yet
---@field secret? boolean true: the values are not shown
---@field effect string none, record, update, restart or replace

---@class dray.step
---@field address string as in the plan: serve, worker[gpu-2]
---@field kind string serve, worker, command, a kind of yours, ...
---@field node? string the node it runs on
---@field action string create, update, restart, replace, delete, run, unknown or conflict
---@field reason string absent, gone, interrupted, changed, stale, upstream, group, requested, unrecorded, not_in_spec, destroy, unreachable or conflict
---@field cause string the same in words
---@field changes dray.step.changes[] 

---@class dray.event.before_plan.nodes
---@field name string the node's name
---@field host string what is dialled
---@field address? string what other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.before_plan
---@field event string the event's name
---@field command string plan, apply or destroy
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.before_plan.nodes[] 

---@class dray.event.after_plan.nodes
---@field name string the node's name
---@field host string what is dialled
---@field address? string what other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.after_plan.plan.layout
---@field tensor integer tensor parallel size
---@field pipeline integer pipeline parallel size
---@field data integer data parallel size
---@field nodes integer nodes it takes
---@field backend string ray or mp

---@class dray.event.after_plan.plan.problems
---@field severity string error or warning
---@field node? string the node it is about
---@field text string what is wrong

---@class dray.event.after_plan.plan
---@field add integer steps to create
---@field change integer steps to update
---@field replace integer steps to replace
---@field restart integer steps to restart
---@field destroy integer steps to destroy
---@field run integer steps to run (the probe)
---@field unknown integer steps whose node did not answer
---@field conflict integer steps with something foreign in their way
---@field unchanged integer steps without work
---@field image? string the engine's image; nil: runtime none
---@field model string the model's repo or path
---@field commit? string the model's commit; nil: not known, or a path
---@field layout dray.event.after_plan.plan.layout 
---@field problems dray.event.after_plan.plan.problems[] 
---@field steps dray.step[] what is to be done, in order; steps without work are left out

---@class dray.event.after_plan
---@field event string the event's name
---@field command string plan, apply or destroy
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.after_plan.nodes[] 
---@field plan dray.event.after_plan.plan 

---@class dray.event.on_drift.nodes
---@field name string the node's name
---@field host string what is dialled
---@field address? string what other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.on_drift.plan.layout
---@field tensor integer tensor parallel size
---@field pipeline integer pipeline parallel size
---@field data integer data parallel size
---@field nodes integer nodes it takes
---@field backend string ray or mp

---@class dray.event.on_drift.plan.problems
---@field severity string error or warning
---@field node? string the node it is about
---@field text string what is wrong

---@class dray.event.on_drift.plan
---@field add integer steps to create
---@field change integer steps to update
---@field replace integer steps to replace
---@field restart integer steps to restart
---@field destroy integer steps to destroy
---@field run integer steps to run (the probe)
---@field unknown integer steps whose node did not answer
---@field conflict integer steps with something foreign in their way
---@field unchanged integer steps without work
---@field image? string the engine's image; nil: runtime none
---@field model string the model's repo or path
---@field commit? string the model's commit; nil: not known, or a path
---@field layout dray.event.on_drift.plan.layout 
---@field problems dray.event.on_drift.plan.problems[] 
---@field steps dray.step[] what is to be done, in order; steps without work are left out

---@class dray.event.on_drift
---@field event string the event's name
---@field command string plan, apply or destroy
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.on_drift.nodes[] 
---@field plan dray.event.on_drift.plan 
---@field drift dray.step[] those of plan.steps that repair what happened outside

---@class dray.event.before_apply.nodes
---@field name string the node's name
---@field host string what is dialled
---@field address? string what other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.before_apply.plan.layout
---@field tensor integer tensor parallel size
---@field pipeline integer pipeline parallel size
---@field data integer data parallel size
---@field nodes integer nodes it takes
---@field backend string ray or mp

---@class dray.event.before_apply.plan.problems
---@field severity string error or warning
---@field node? string the node it is about
---@field text string what is wrong

---@class dray.event.before_apply.plan
---@field add integer steps to create
---@field change integer steps to update
---@field replace integer steps to replace
---@field restart integer steps to restart
---@field destroy integer steps to destroy
---@field run integer steps to run (the probe)
---@field unknown integer steps whose node did not answer
---@field conflict integer steps with something foreign in their way
---@field unchanged integer steps without work
---@field image? string the engine's image; nil: runtime none
---@field model string the model's repo or path
---@field commit? string the model's commit; nil: not known, or a path
---@field layout dray.event.before_apply.plan.layout 
---@field problems dray.event.before_apply.plan.problems[] 
---@field steps dray.step[] what is to be done, in order; steps without work are left out

---@class dray.event.before_apply
---@field event string the event's name
---@field command string plan, apply or destroy
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.before_apply.nodes[] 
---@field plan dray.event.before_apply.plan 

---@class dray.event.before_step.nodes
---@field name string the node's name
---@field host string what is dialled
---@field address? string what other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.before_step
---@field event string the event's name
---@field command string plan, apply or destroy
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.before_step.nodes[] 
---@field step dray.step the operation

---@class dray.event.after_step.nodes
---@field name string the node's name
---@field host string what is dialled
---@field address? string what other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.after_step
---@field event string the event's name
---@field command string plan, apply or destroy
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.after_step.nodes[] 
---@field step dray.step the operation
---@field seconds number how long it took
---@field instance? string the identity of what runs now: a container's id, ...

---@class dray.event.step_failed.nodes
---@field name string the node's name
---@field host string what is dialled
---@field address? string what other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.step_failed
---@field event string the event's name
---@field command string plan, apply or destroy
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.step_failed.nodes[] 
---@field step dray.step the operation
---@field seconds number how long it took
---@field error string the cause, in one line
---@field what? string what was being done
---@field failed_on? string the node on which it failed
---@field status? integer the exit status; nil: it is not known what happened
---@field tail? string the last lines of what it printed

---@class dray.event.after_apply.nodes
---@field name string the node's name
---@field host string what is dialled
---@field address? string what other nodes dial; nil: not known yet
---@field rank integer 0 is the head
---@field role string head or worker
---@field labels table<string, string> labels of the spec
---@field in_spec boolean false: it left the spec

---@class dray.event.after_apply.plan.layout
---@field tensor integer tensor parallel size
---@field pipeline integer pipeline parallel size
---@field data integer data parallel size
---@field nodes integer nodes it takes
---@field backend string ray or mp

---@class dray.event.after_apply.plan.problems
---@field severity string error or warning
---@field node? string the node it is about
---@field text string what is wrong

---@class dray.event.after_apply.plan
---@field add integer steps to create
---@field change integer steps to update
---@field replace integer steps to replace
---@field restart integer steps to restart
---@field destroy integer steps to destroy
---@field run integer steps to run (the probe)
---@field unknown integer steps whose node did not answer
---@field conflict integer steps with something foreign in their way
---@field unchanged integer steps without work
---@field image? string the engine's image; nil: runtime none
---@field model string the model's repo or path
---@field commit? string the model's commit; nil: not known, or a path
---@field layout dray.event.after_apply.plan.layout 
---@field problems dray.event.after_apply.plan.problems[] 
---@field steps dray.step[] what is to be done, in order; steps without work are left out

---@class dray.event.after_apply.failures
---@field step string a failed step's address; before_apply or preflight: it failed before any step
---@field error string its cause, in one line

---@class dray.event.after_apply
---@field event string the event's name
---@field command string plan, apply or destroy
---@field cluster string the cluster's name
---@field spec string the spec file's name
---@field nodes dray.event.after_apply.nodes[] 
---@field plan dray.event.after_apply.plan 
---@field outcome string ok, failed, interrupted; or again: it found out what changes the plan, and another plan and apply follow
---@field seconds number how long the apply took
---@field ok integer operations that ended well
---@field failed integer operations that failed
---@field skipped integer operations left out because of a failure before them
---@field cancelled integer operations that an interrupt kept from starting
---@field changed boolean was anything changed
---@field failures dray.event.after_apply.failures[] 

