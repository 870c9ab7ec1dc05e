// Starts the parts of the page, at the step before any pass.
'use strict';

startHeader();
startPipeline();
startGraphs();
startChanges();
startStatement();
startTime();
startMemory();
state.func = functionAt(0, '@attn') ? '@attn' : functionNames()[0];
drawAll();
