// An agent that uses cometd.js 9. All that it does is in the two files that it joins.

import { AckExtension, CometD } from "cometd";
import * as adapter from "cometd-nodejs-client";
import { perform } from "./agent.mjs";
import { cometd } from "./cometd.mjs";

perform(cometd(CometD, AckExtension, adapter));
