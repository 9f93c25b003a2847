"use strict";

SwaggerUIBundle({
  url: "/api/v3/openapi.json",
  dom_id: "#explorer",
  deepLinking: true,
  // The validator's badge would come from a server on the internet.
  validatorUrl: null,
});
