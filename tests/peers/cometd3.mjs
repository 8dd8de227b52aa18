// An agent that uses cometd.js 3. All that it does is in the two files that it joins.

import library from "cometd3";
import AckExtension from "cometd3/AckExtension.js";
import adapter from "cometd3-nodejs-client";
import { perform } from "./agent.mjs";
import { cometd } from "./cometd.mjs";

perform(cometd(library.CometD, AckExtension, adapter));
