# 1. Create project hierarchy
PROJECT=$(./tm add "E-commerce Platform" -p critical)

# 2. Define major components
./tm add "Database Design" --depends-on $PROJECT --assignee db_specialist
./tm add "Payment Integration" --depends-on $PROJECT --assignee payment_specialist
./tm add "Inventory System" --depends-on $PROJECT --assignee backend_specialist
./tm add "Shopping Cart UI" --depends-on $PROJECT --assignee frontend_specialist

# 3. Set project context
./tm share $PROJECT "Stack: Node.js, PostgreSQL, React, Stripe"
./tm share $PROJECT "MVP Features: Products, Cart, Checkout, Orders"
./tm share $PROJECT "Timeline: 6 weeks, Budget: $50k"

# 4. Create sync points
./tm sync $PROJECT "Week 1: Database and API structure"
./tm sync $PROJECT "Week 3: Integration testing"
./tm sync $PROJECT "Week 5: User acceptance testing"
