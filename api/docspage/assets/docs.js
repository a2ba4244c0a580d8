// Shows the OpenAPI document of the service that served this page, and asks nobody else for anything.
"use strict";
window.addEventListener("load", () => {
  const where = document.getElementById("docs");
  window.SwaggerUIBundle({
    domNode: where,
    url: new URL(where.dataset.document, document.baseURI).href,
    validatorUrl: null,
    deepLinking: true,
    persistAuthorization: false,
    tryItOutEnabled: false,
  });
});
