// Starts Swagger UI on /docs. Nothing is fetched from elsewhere, and no validator is asked.
SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });
